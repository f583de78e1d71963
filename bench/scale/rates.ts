import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
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
/** Code is compiled, plans are made, and caches are warm by then. */
const WARM_UP_SECONDS = 15
/** No sign-in is stored in a measurement. */
const SECRET_KEY = randomBytes(32).toString('base64')

export interface Rate {
  readonly perSecond: number
  /** The worst of the gateways', in milliseconds. */
  readonly p99Ms: number
  readonly p50Ms: number
}

/** What a message costs while it is measured, without the warm-up, in milliseconds of a core. */
export interface MeasuredRate extends Rate {
  readonly gatewaysMs: number
  readonly databaseMs: number
  /** Writes that the database waited for. */
  readonly flushes: number
}

/** One gateway on SQLite. */
export async function sqliteRate(): Promise<MeasuredRate> {
  const { process: provider, line: url } = await startScript('bench/support/mock-provider.ts', ['0'])
  await using _provider = provider
  await using gateway = await BenchGateway.start(url)
  return await measured([gateway], CONVERSATIONS)
}

/** So many gateways on one database, each with its share of the conversations. */
export async function postgresRate(
  server: PostgresServer,
  gateways: number,
  conversations = CONVERSATIONS,
): Promise<MeasuredRate> {
  const { process: provider, line: url } = await startScript('bench/support/mock-provider.ts', ['0'])
  await using _provider = provider
  const options = await postgresOptions(server)
  await using stack = new AsyncDisposableStack()
  const running: BenchGateway[] = []
  for (let index = 0; index < gateways; index++)
    running.push(stack.use(await BenchGateway.start(url, options)))
  return await measured(running, conversations, server)
}

/**
 * What one message costs each kind of process as roles of their own, in seconds of a core. With few
 * conversations nobody waits for a core, but nothing is shared between messages either.
 */
export async function roleCosts(server: PostgresServer, conversations: number): Promise<ServiceTimes> {
  const { process: provider, line: url } = await startScript('bench/support/mock-provider.ts', ['0'])
  await using _provider = provider
  const options = await postgresOptions(server)
  await using ingress = await BenchGateway.start(url, { ...options, args: ['--role', 'ingress'] })
  await using worker = await BenchGateway.start(url, { ...options, args: ['--role', 'worker'] })
  const cpuMs = () => [ingress.process.cpuMs(), worker.process.cpuMs(), treeCpuMs(server.pid)]
  let before: readonly number[] = []
  const { count } = await drive(ingress, conversations, () => (before = cpuMs()))
  const [receiving, answering, database] = cpuMs().map((ms, index) => (ms - before[index]!) / 1_000 / count)
  return { ingress: receiving!, worker: answering!, database: database! }
}

async function measured(
  gateways: readonly BenchGateway[],
  conversations: number,
  server?: PostgresServer,
): Promise<MeasuredRate> {
  const read = async () => ({
    gatewaysMs: gateways.reduce((sum, { process }) => sum + process.cpuMs(), 0),
    databaseMs: server ? treeCpuMs(server.pid) : 0,
    flushes: server ? await flushes(server) : 0,
  })
  let before: ReturnType<typeof read> | null = null
  const figures = await Promise.all(
    gateways.map((gateway) =>
      drive(gateway, conversations / gateways.length, () => {
        // The first one that is warm: the others are within milliseconds.
        before ??= read()
      }),
    ),
  )
  const [start, end] = [await before!, await read()]
  const count = figures.reduce((sum, each) => sum + each.count, 0)
  const each = (name: keyof typeof start) => (end[name] - start[name]) / count
  return {
    ...together(figures),
    gatewaysMs: each('gatewaysMs'),
    databaseMs: each('databaseMs'),
    flushes: each('flushes'),
  }
}

/** So far, of the whole server. */
async function flushes(server: PostgresServer): Promise<number> {
  const client = new Client({ connectionString: server.url('postgres') })
  await client.connect()
  const { rows } = await client.query<{ n: string }>(
    `SELECT coalesce(sum(fsyncs), 0) AS n FROM pg_stat_io WHERE object = 'wal'`,
  )
  await client.end()
  return Number(rows[0]!.n)
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

function drive(gateway: BenchGateway, conversations: number, onWarm: () => void): Promise<DriverFigures> {
  const args = [conversations, SECONDS, WARM_UP_SECONDS].map(String)
  return runScript('bench/gateway/messages.ts', [gateway.url, gateway.token, ...args], onWarm)
}

function together(figures: readonly DriverFigures[]): Rate {
  return {
    perSecond: figures.reduce((sum, { perSecond }) => sum + perSecond, 0),
    p50Ms: Math.max(...figures.map(({ p50Ms }) => p50Ms)),
    p99Ms: Math.max(...figures.map(({ p99Ms }) => p99Ms)),
  }
}
