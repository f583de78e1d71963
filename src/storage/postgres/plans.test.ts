import { expect, test } from 'vitest'
import {
  command,
  Driver,
  HISTORY_LIMIT,
  message,
  OWNER,
  TELL,
  NEW,
  STOP,
} from '../../../test/contracts/storage/kit.ts'
import { migratedDatabase, openQuietly, silent } from '../../../test/support/stores/postgres-storage.ts'
import { systemClock } from '../../support/clock.ts'
import { Secret } from '../../support/secret.ts'
import { openDatabase, type Database, type Queryable, type Transaction } from './connection/database.ts'
import { openPostgresStorage } from './storage.ts'

/** The tables that grow over the years; waiting messages and the outbox stay small. */
const LARGE =
  /Seq Scan on (messages|conversations|turns|attachments|contexts|addresses|participants|seen|summaries|steps|calls)\b/
/** A whole index, without any condition on where in it. */
const WHOLE_INDEX = /(Index|Bitmap Index) (Only )?Scan using (\w+)/
/** These hold only messages that wait or are being answered; other indexes are read in order up to a limit. */
const SMALL_INDEX = /^(messages_(waiting|unanswered)|conversations_leased)$/

test('no everyday statement reads a whole table that grows, or a whole index of one', async () => {
  const database = await openQuietly(await migratedDatabase())
  const seen = new Set<string>()
  try {
    await exercise(watched(database, seen))
    const statements = [...seen].filter((sql) => /^\s*(SELECT|UPDATE|DELETE|INSERT|WITH)/.test(sql))
    expect(statements.length).toBeGreaterThan(45)
    const scans: string[] = []
    for (const sql of statements) {
      const rows = await database.query<{ 'QUERY PLAN': string }>(`EXPLAIN (GENERIC_PLAN) ${sql}`)
      const plan = rows.map((row) => row['QUERY PLAN'])
      for (const [index, step] of plan.entries()) {
        const name = WHOLE_INDEX.exec(step)?.[3] ?? ''
        const whole =
          name !== '' &&
          isOfLargeTable(step) &&
          !SMALL_INDEX.test(name) &&
          !plan[index + 1]?.includes('Cond:') &&
          !plan.slice(0, index).some((above) => above.includes('Limit'))
        if (LARGE.test(step) || whole) scans.push(`${step.trim()} <- ${sql}`)
      }
    }
    expect(scans).toEqual([])
  } finally {
    await database.close()
  }
})

test('an arrival reads a few rows, however many an address or strangers have left', async () => {
  const url = await migratedDatabase()
  const database = await openDatabase({
    url: new Secret(url),
    clock: systemClock,
    log: silent,
    onProblem: () => {},
    connections: 1,
  })
  const driver = new Driver(openPostgresStorage({ database, pullChannels: [] }))
  /** Of all indexes, by the one connection. */
  const read = async () => {
    await database.query('SELECT pg_stat_force_next_flush()')
    const [row] = await database.query<{ n: number }>(
      `SELECT sum(idx_tup_read)::bigint AS n FROM pg_stat_user_indexes WHERE schemaname = 'hermes'`,
    )
    return row!.n
  }
  try {
    await driver.accept([message('first'), message('first', { address: '8' })])
    // On average addresses have a few messages; one has nearly all of them.
    await database.query(
      `INSERT INTO hermes.addresses (channel, address, conversation)
         SELECT 'telegram', 'a' || g, g + 1000 FROM generate_series(1, 2000) g`,
    )
    await database.query(
      `INSERT INTO hermes.messages (id, conversation, seq, revision, role, state, text, at, origin, platform_id)
         SELECT 'm' || g, 1, g + 1000, g, 'user', 'answered', '', 1,
           CASE WHEN g % 2 = 0 THEN (SELECT key FROM hermes.addresses WHERE address = '7') ELSE a.key END, 'p' || g
         FROM generate_series(1, 10000) g JOIN hermes.addresses a ON a.address = 'a' || (g / 5)`,
    )
    await database.query('ANALYZE hermes.messages, hermes.addresses, hermes.seen')
    await database.query(
      `INSERT INTO hermes.addresses (channel, address) SELECT 'telegram', 's' || g FROM generate_series(1, 5000) g`,
    )
    await database.query(
      `INSERT INTO hermes.seen (origin, platform_id, at)
         SELECT key, 's' || g, 1 FROM hermes.addresses, generate_series(1, 5000) g WHERE address = '7'`,
    )
    await driver.acceptOne(message('second'))
    const before = await read()
    await driver.acceptOne(message('third'))
    await driver.acceptOne(message('first', { address: 'new' }))
    expect((await read()) - before).toBeLessThan(100)
  } finally {
    await database.close()
  }
})

/** The statements of a turn without tools, in a conversation that exists. */
const PLAIN_TURN = { accept: 7, lease: 4, answer: 4 }

test('a turn without steps and without budgets costs no statement for them', async () => {
  const database = await openQuietly(await migratedDatabase())
  const statements: string[] = []
  const watching = watched(database, { add: (sql) => statements.push(sql) })
  const driver = new Driver(openPostgresStorage({ database: watching, pullChannels: [] }))
  const spent = () => statements.splice(0).length
  try {
    // The first one makes its conversation.
    await driver.acceptOne(message('1'))
    await driver.answer(await driver.mustLease())
    statements.length = 0
    await driver.acceptOne(message('2'))
    const accept = spent()
    const found = await driver.mustLease()
    const lease = spent()
    await driver.answer(found, 'answer', { blocks: '[{"role":"assistant","content":[]}]' })
    expect(statements.join('\n')).not.toMatch(/hermes\.(steps|calls|budgets|budget_slices|reservations)/)
    expect({ accept, lease, answer: spent() }).toEqual(PLAIN_TURN)
  } finally {
    await database.close()
  }
})

function isOfLargeTable(step: string): boolean {
  return /on (messages|conversations|turns|attachments|contexts|addresses|participants|seen|steps|calls)\b/.test(
    step,
  )
}

/** Notes every statement that passes. */
function watched(database: Database, seen: { add(sql: string): unknown }): Database {
  const note = <Q extends Queryable>(queryable: Q): Q =>
    ({
      ...queryable,
      query: (sql: string, params?: readonly unknown[]) => {
        seen.add(sql)
        return queryable.query(sql, params)
      },
    }) satisfies Queryable as Q
  return {
    ...note(database),
    transaction: (work) =>
      database.transaction((tx) => {
        const noted: Transaction = {
          ...note(tx),
          last: (sql, params) => {
            seen.add(sql)
            return tx.last(sql, params)
          },
        }
        return work(noted)
      }),
    listen: (channel, listener) => database.listen(channel, listener),
    close: () => database.close(),
  }
}

/** Everything that happens while a gateway runs; what an operator asks for now and then is left out. */
async function exercise(database: Database): Promise<void> {
  const storage = openPostgresStorage({ database, pullChannels: [] })
  const driver = new Driver(storage)
  const { inbox, outbox, conversations, ledger, pairings } = storage
  const place = { channel: 'telegram', address: '7', platformMessageId: '1' }
  const attachments = [{ mediaType: 'text/plain', name: 'a', bytes: new Uint8Array(3) }]
  const cursors = [{ channel: 'telegram', name: 'offset', value: '1' }]
  await driver.accept(
    [
      message('1', { attachments }),
      message('1'),
      { ...place, kind: 'edit', text: 'better' },
      message('2'),
      { ...place, platformMessageId: '2', kind: 'deletion' },
      command('3', { model: 'b' }),
      { ...place, kind: 'turned-away', platformMessageId: '4', reply: 'no' },
      message('1', { address: '8' }),
      { kind: 'moved', channel: 'telegram', from: '8', to: '9' },
    ],
    { cursors },
  )
  const lease = await driver.mustLease()
  await inbox.saveDraft(lease, 'draft')
  const call = { id: 'c1', tool: 't', class: 'read', input: '{}', result: null } as const
  const step = { index: 0, response: '{}', maxTokens: 1, calls: [call] }
  await inbox.saveStep(lease, { step, terms: '{}' }, driver.tick())
  await inbox.saveStep(lease, { step: { ...step, index: 1 }, terms: null }, driver.tick())
  await inbox.saveResult(lease, { index: 0, callId: 'c1', result: '{}' }, driver.tick())
  await driver.finish(lease, { kind: 'returned' })
  await driver.answer(await driver.mustLease(), 'a', { summary: 's' })
  await driver.acceptOne(message('13'))
  const stopped = await driver.mustLease()
  await driver.acceptOne(command('14', STOP))
  await driver.finish(stopped, { kind: 'stopped', text: '', blocks: '[]' })
  const limits = { maxPerConversation: 2, maxTotal: 3 }
  await driver.accept([message('5'), message('6'), message('7')], { outage: TELL, limits })
  await driver.finish(await driver.mustLease(), { kind: 'failed', reason: 'bug', retryAt: 1 })
  await driver.finish(await driver.mustLease(), { kind: 'held', outage: TELL })
  await inbox.hold({ outage: { ...TELL, id: 'other' }, now: 3_000 })
  await driver.finish(await driver.mustLease(), { kind: 'parked', reason: 'bug', notice: 'parked' })
  await driver.accept([message('10'), message('11')])
  const long = { conversationId: 'telegram:7', owner: OWNER, now: driver.now, historyLimit: 1, merge: true }
  await inbox.lease(long)
  await inbox.lease({ ...long, owner: 'another', historyLimit: HISTORY_LIMIT })
  await inbox.recover('a third', driver.now)
  const { item } = (await outbox.head('telegram:7'))!
  await outbox.postpone(item.id, 5_000)
  await outbox.receipt(item.id, 0, 'sent', false)
  await outbox.receipt(item.id, 1, 'sent', true)
  await outbox.pending()
  await inbox.waiting(4_000)
  await inbox.counts()
  await inbox.cursor('telegram', 'offset')
  await inbox.cursors('telegram')
  await inbox.expire({ now: 1, observed: 5, maxAge: 0, notice: () => 'too old' })
  await conversations.find('telegram', '7')
  await conversations.changes('telegram:7', 0, 10)
  await conversations.messages('telegram:7', { limit: 10, beforeSeq: null })
  await conversations.list('telegram', '', 10)
  await conversations.usage('telegram:7')
  await ledger.sums({ by: 'day', since: 0, conversation: 'telegram:7' })
  await inbox.queue({ states: ['held', 'parked', 'refused'], limit: 10 })
  await pairings.isApproved('telegram', 'anna')
  await pairings.guesses('telegram', 0)
  await conversations.exportPerson('telegram', 'anna')
  await conversations.retain({ messagesBefore: 1, attachmentsBefore: 1, figuresBefore: 1 })
  await driver.accept([command('13', { undo: { nothing: 'nothing' } })])
  await driver.accept([command('12', NEW)])
  await conversations.deletePerson('telegram', 'anna')
}
