/**
 * A process that writes to a store until it is killed: `node storage-writer.ts PLACE ROUND`, where the
 * place is the path of an SQLite file, or the address of a migrated PostgreSQL database.
 * It prints a line for each thing that the store has promised to keep.
 */
import { writeSync } from 'node:fs'
import type { AcceptRequest } from '../../../src/inbox/arrival.ts'
import { isLease, type Lease } from '../../../src/inbox/lease.ts'
import { openSqliteStorage } from '../../../src/storage/sqlite/storage.ts'
import type { Storage } from '../../../src/storage/storage.ts'
import { systemClock } from '../../../src/support/clock.ts'
import { createLog } from '../../../src/support/log.ts'
import { Secret } from '../../../src/support/secret.ts'

const LANES = 8
const STDOUT = 1
const USAGE = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 }

const [place, round] = process.argv.slice(2)
const storage = await open(place!)
const owner = `writer-${round}`
await storage.inbox.recover(owner, Date.now())

async function open(place: string): Promise<Storage> {
  if (place.startsWith('postgres:')) {
    const [{ openDatabase }, { openPostgresStorage }] = await Promise.all([
      import('../../../src/storage/postgres/connection/database.ts'),
      import('../../../src/storage/postgres/storage.ts'),
    ])
    const log = await createLog({ level: 'error' })
    const onProblem = (err: unknown) => log.error({ err })
    const database = await openDatabase({ url: new Secret(place), clock: systemClock, log, onProblem })
    return openPostgresStorage({ database, pullChannels: [] })
  }
  return openSqliteStorage({ path: place, pullChannels: [] })
}

/** At once and not through a buffer: a promise that was not printed would prove nothing. */
function promised(line: string): void {
  writeSync(STDOUT, `${line}\n`)
}

let count = 0

/** Stores a message of a chat, and the cursor behind it, if any. */
async function accept(address: string, text: string, cursors: AcceptRequest['cursors']): Promise<void> {
  const message = {
    channel: 'test',
    address,
    platformMessageId: text,
    personId: address,
    personName: null,
    text,
    attachments: [],
    addressed: true,
  }
  await storage.inbox.accept({
    arrivals: [{ kind: 'message', message }],
    cursors,
    now: Date.now(),
    outage: null,
    limits: { maxPerConversation: 10, maxTotal: 10 },
    holdFullNotice: '',
  })
}

async function lease(address: string): Promise<Lease> {
  const request = {
    conversationId: `test:${address}`,
    owner,
    now: Date.now(),
    historyLimit: 100,
    merge: false,
  }
  const held = await storage.inbox.lease(request)
  if (!isLease(held)) throw new Error('nothing to lease')
  return held
}

/** Stores a step with one call, and its result. */
async function work(held: Lease, index: number): Promise<void> {
  const asked = held.messages[0]!.text
  const call = { id: asked, tool: 'look', class: 'effect', input: '{}', result: null } as const
  const step = { index, response: '{}', maxTokens: 1, calls: [call] }
  await storage.inbox.saveStep(held, { step, terms: '{}' }, Date.now())
  promised(`intended ${asked} ${index}`)
  await storage.inbox.saveResult(held, { index, callId: asked, result: '{}' }, Date.now())
  promised(`done ${asked} ${index}`)
}

async function lane(address: string): Promise<never> {
  for (;;) {
    const number = ++count
    const text = `${round}:${number}`
    await accept(address, text, [{ channel: 'test', name: `offset-${round}`, value: String(count) }])
    promised(`accepted ${text}`)
    const held = await lease(address)
    // Another writer may have begun the turn.
    await work(held, held.journal.steps.length)
    const answer = `re ${held.messages[0]!.text}`
    await storage.inbox.finish(
      held,
      { kind: 'answered', text: answer, preface: null, model: 'm', usage: USAGE, modelMs: 1 },
      Date.now(),
    )
    promised(`answered ${answer}`)
  }
}

/** One turn that each writer continues. */
async function longTurn(): Promise<never> {
  await accept('long', 'long', [])
  const held = await lease('long')
  for (let index = held.journal.steps.length; ; index++) await work(held, index)
}

await Promise.all([longTurn(), ...Array.from({ length: LANES }, (_, index) => lane(String(index)))])
