import type { TestProject } from 'vitest/node'
import { PostgresServer } from './postgres-server.ts'

/** Starts the one PostgreSQL of a run of the tests, and stops it at the end. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await PostgresServer.start()
  project.provide('postgresUrl', server.url('postgres'))
  return () => server[Symbol.asyncDispose]()
}
