import { fileURLToPath } from 'node:url'
import { PostgresServer } from '../../test/support/stores/postgres-server.ts'
import { printRow } from '../support/figures.ts'
import { plot, type Series } from '../support/plot.ts'
import { fetchCost } from './backlog.ts'
import { simulateFleets } from './fleets.ts'
import { postgresBytes, postgresCosts, sqliteCosts, type Costs, type Fill } from './growth.ts'
import { engineRate, postgresRate, roleCosts, sqliteRate, type MeasuredRate, type Rate } from './rates.ts'
import type { ServiceTimes } from './simulation.ts'

const GATEWAYS = [1, 2, 4] as const
/** So few that they share nothing, and so many that the machine is full. */
const [FEW, MANY] = [4, 48] as const
const BACKLOGS = [0, 10_000, 100_000] as const
const MESSAGES = [1_000, 10_000, 100_000, 1_000_000] as const
const CONVERSATIONS = [100, 1_000, 10_000, 100_000] as const
/** Held fixed while the other grows. */
const USUAL = { messages: 200_000, conversations: 1_000 } as const

/**
 * Several gateways on one PostgreSQL, compared with one on SQLite: rates, the cost of growth, and a
 * simulated fleet.
 */
export async function benchScale(): Promise<void> {
  await using server = await PostgresServer.start({ durable: true })
  console.log('scale: whole processes and PostgreSQL with every flush, all on this machine')
  printRow('one gateway on SQLite', measuredOf(await sqliteRate()))
  for (const gateways of GATEWAYS)
    printRow(`${gateways} on PostgreSQL`, measuredOf(await postgresRate(server, gateways)))
  printRow(`1 on PostgreSQL, ${FEW} conversations`, measuredOf(await postgresRate(server, 1, FEW)))
  printRow('pg-boss alone, one process', rateOf(await engineRate(server)))
  for (const waiting of BACKLOGS) {
    const { cpuMs, medianMs } = await fetchCost(server, waiting)
    const figure = `${ms(cpuMs)} of the database's CPU, median ${ms(medianMs)}`
    printRow(`a fetch, ${waiting.toLocaleString('en')} conversations waiting`, figure)
  }

  const byMessages = await grow(server, 'messages stored', MESSAGES, (messages) => ({
    messages,
    conversations: USUAL.conversations,
  }))
  const byConversations = await grow(server, 'conversations', CONVERSATIONS, (conversations) => ({
    messages: USUAL.messages,
    conversations,
  }))
  draw(
    'scale-messages.svg',
    'What a message costs the store, by what is stored',
    'messages stored',
    byMessages,
  )
  draw(
    'scale-conversations.svg',
    'What a message costs the store, by conversations',
    'conversations',
    byConversations,
  )
  printRow('on the disk, each message', `${(await postgresBytes(server, USUAL)).toFixed(0)} bytes`)
  const costs = await roleCosts(server, FEW)
  printRow(`a message's share of a core, ${FEW} conversations`, sharesOf(costs))
  const times = await roleCosts(server, MANY)
  printRow(`a message's share of a core, ${MANY} conversations`, sharesOf(times))
  simulateFleets(costs, times)
}

async function grow(
  server: PostgresServer,
  what: string,
  sizes: readonly number[],
  fillOf: (size: number) => Fill,
): Promise<readonly Series[]> {
  const stores = {
    PostgreSQL: (fill: Fill) => postgresCosts(server, fill),
    SQLite: (fill: Fill) => sqliteCosts(fill),
  }
  const series: Series[] = []
  for (const [name, costs] of Object.entries(stores)) {
    const points: Array<readonly [number, number]> = []
    for (const size of sizes) {
      const each = await costs(fillOf(size))
      printRow(`${name}, ${size.toLocaleString('en')} ${what}`, costOf(each))
      points.push([size, sum(each)])
    }
    series.push({ name, points })
  }
  return series
}

function draw(file: string, title: string, x: string, series: readonly Series[]): void {
  const path = fileURLToPath(new URL(`../../docs/images/${file}`, import.meta.url))
  plot(path, { title, x, y: 'accept, lease, finish and deliver, ms (medians)', series })
}

function sum({ accept, lease, finish, deliver }: Costs): number {
  return accept + lease + finish + deliver
}

function costOf(costs: Costs): string {
  const { accept, lease, finish, deliver } = costs
  const each = `accept ${ms(accept)}, lease ${ms(lease)}, finish ${ms(finish)}, deliver ${ms(deliver)}`
  return `${ms(sum(costs))} (${each})`
}

function measuredOf({ gatewaysMs, databaseMs, flushes, ...rate }: MeasuredRate): string {
  const cpu = `CPU a message: gateways ${ms(gatewaysMs)}, database ${ms(databaseMs)}`
  return `${rateOf(rate)}; ${cpu}, ${flushes.toFixed(2)} flushes`
}

function sharesOf({ ingress, worker, database }: ServiceTimes): string {
  return `ingress ${ms(ingress * 1_000)}, worker ${ms(worker * 1_000)}, database ${ms(database * 1_000)}`
}

function rateOf({ perSecond, p50Ms, p99Ms }: Rate): string {
  return `${perSecond.toFixed(0)} messages/s, p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}`
}

function ms(value: number): string {
  return `${value.toFixed(2)} ms`
}
