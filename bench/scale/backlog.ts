import { Client } from 'pg'
import { openDatabase } from '../../src/storage/postgres/connection/database.ts'
import { prepareQueue, WakeUpQueue } from '../../src/storage/postgres/fleet/wake-up-queue.ts'
import { WakeUps } from '../../src/storage/postgres/fleet/wake-ups.ts'
import { migrate } from '../../src/storage/postgres/migrations/migrate.ts'
import { systemClock } from '../../src/support/clock.ts'
import { createLog } from '../../src/support/log.ts'
import { Secret } from '../../src/support/secret.ts'
import type { PostgresServer } from '../../test/support/stores/postgres-server.ts'
import { Samples } from '../support/figures.ts'
import { treeCpuMs } from '../support/processes.ts'

/** As a process with some room fetches. */
const BATCH = 16
const FETCHES = 20

export interface FetchCost {
  /** Of the database. */
  readonly cpuMs: number
  readonly medianMs: number
}

/** What it costs to fetch 16 conversations after an outage, while so many wait. */
export async function fetchCost(server: PostgresServer, waiting: number): Promise<FetchCost> {
  const address = await server.createDatabase()
  const url = new Secret(address)
  await migrate({ url, also: prepareQueue })
  await fill(address, waiting)
  const log = await createLog({ level: 'silent' })
  const database = await openDatabase({ url, clock: systemClock, log, onProblem: () => {} })
  const queue = await WakeUpQueue.open(database)
  try {
    await new WakeUps(database, queue).wakeAll()
    await queue.fetch(BATCH)
    const times: number[] = []
    const before = treeCpuMs(server.pid)
    for (let index = 0; index < FETCHES; index++) {
      const started = performance.now()
      await queue.fetch(BATCH)
      times.push(performance.now() - started)
    }
    const cpuMs = (treeCpuMs(server.pid) - before) / FETCHES
    return { cpuMs, medianMs: new Samples(times).quantile(0.5) }
  } finally {
    await queue.close()
    await database.close()
    await server.dropDatabase(address)
  }
}

async function fill(address: string, waiting: number): Promise<void> {
  const client = new Client({ connectionString: address })
  await client.connect()
  await client.query(`
    INSERT INTO hermes.conversations (id, channel, address, last_at, next_seq)
      SELECT 'web:' || i, 'web', i::text, 1, 2 FROM generate_series(1, ${waiting}) i;
    INSERT INTO hermes.messages (id, conversation, seq, revision, role, state, text, at)
      SELECT 'm' || c.key, c.key, 1, 1, 'user', 'held', 'x', 1 FROM hermes.conversations c ORDER BY c.key;
    ANALYZE;
  `)
  await client.end()
}
