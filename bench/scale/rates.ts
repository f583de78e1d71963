import { randomBytes } from 'node:crypto'
import type { PostgresServer } from '../../test/support/stores/postgres-server.ts'
import type { DriverFigures } from '../support/figures.ts'
import {
  BenchGateway,
  runScript,
  startScript,
  treeCpuMs,
  type BenchGatewayOptions,
} from '../support/processes.ts'
import type { ServiceTimes } from './simulation.ts'

/** Conversations at once, over all gateways together. */
const CONVERSATIONS = 48
const SECONDS = 10
/** So few that nobody waits for a core. */
const FEW = 4
/** No sign-in is stored in a measurement. */
const SECRET_KEY = randomBytes(32).toString('base64')

export interface Rate {
  readonly perSecond: number
  /** The worst of the gateways', in milliseconds. */
  readonly p99Ms: number
  readonly p50Ms: number
}

/** One gateway on SQLite. */
export async function sqliteRate(): Promise<Rate> {
  const { process: provider, line: url } = await startScript('bench/support/mock-provider.ts', ['0'])
  await using _provider = provider
  await using gateway = await BenchGateway.start(url)
  return together([await drive(gateway, CONVERSATIONS)])
}

/** So many gateways on one database, each with its share of the conversations. */
export async function postgresRate(server: PostgresServer, gateways: number): Promise<Rate> {
  const { process: provider, line: url } = await startScript('bench/support/mock-provider.ts', ['0'])
  await using _provider = provider
  const options = await postgresOptions(server)
  await using stack = new AsyncDisposableStack()
  const running: BenchGateway[] = []
  for (let index = 0; index < gateways; index++)
    running.push(stack.use(await BenchGateway.start(url, options)))
  return together(await Promise.all(running.map((gateway) => drive(gateway, CONVERSATIONS / gateways))))
}

/**
 * What one message costs each kind of process, in seconds of a core: as roles of their own, on a machine
 * that is not full.
 */
export async function roleCosts(server: PostgresServer): Promise<ServiceTimes> {
  const { process: provider, line: url } = await startScript('bench/support/mock-provider.ts', ['0'])
  await using _provider = provider
  const options = await postgresOptions(server)
  await using ingress = await BenchGateway.start(url, { ...options, args: ['--role', 'ingress'] })
  await using worker = await BenchGateway.start(url, { ...options, args: ['--role', 'worker'] })
  // The driver also needs a warm-up run, so that its compilation is not counted.
  await drive(ingress, FEW)
  const before = [ingress.process.cpuMs(), worker.process.cpuMs(), treeCpuMs(server.pid)]
  const { count } = await drive(ingress, FEW)
  const after = [ingress.process.cpuMs(), worker.process.cpuMs(), treeCpuMs(server.pid)]
  const [taking, answering, database] = after.map((ms, index) => (ms - before[index]!) / 1_000 / count)
  return { ingress: taking!, worker: answering!, database: database! }
}

/** The queue's engine without any messages. */
export async function engineRate(server: PostgresServer): Promise<Rate> {
  const database = await server.createDatabase()
  const figures = await runScript<DriverFigures>('bench/scale/pg-boss-alone.ts', [
    database,
    String(CONVERSATIONS),
    String(SECONDS),
  ])
  return together([figures])
}

async function postgresOptions(server: PostgresServer): Promise<BenchGatewayOptions> {
  return {
    sections: `storage:\n  url: ${await server.createDatabase()}\n`,
    env: { HERMES_SECRET_KEY: SECRET_KEY },
  }
}

function drive(gateway: BenchGateway, conversations: number): Promise<DriverFigures> {
  return runScript('bench/gateway/messages.ts', [
    gateway.url,
    gateway.token,
    String(conversations),
    String(SECONDS),
  ])
}

function together(figures: readonly DriverFigures[]): Rate {
  return {
    perSecond: figures.reduce((sum, { perSecond }) => sum + perSecond, 0),
    p50Ms: Math.max(...figures.map(({ p50Ms }) => p50Ms)),
    p99Ms: Math.max(...figures.map(({ p99Ms }) => p99Ms)),
  }
}
