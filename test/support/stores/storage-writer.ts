/**
 * A process that writes to a store until it is killed: `node storage-writer.ts PLACE ROUND`, where the
 * place is the path of an SQLite file, or the address of a migrated PostgreSQL database.
 * It prints a line for each thing that the store has promised to keep.
 */
import { writeSync } from 'node:fs'
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

async function lane(index: number): Promise<never> {
  const address = String(index)
  for (;;) {
    const number = ++count
    const text = `${round}:${number}`
    await storage.inbox.accept({
      arrivals: [
        {
          kind: 'message',
          message: {
            channel: 'test',
            address,
            platformMessageId: text,
            personId: address,
            personName: null,
            text,
            attachments: [],
            addressed: true,
          },
        },
      ],
      cursors: [{ channel: 'test', name: `offset-${round}`, value: String(count) }],
      now: Date.now(),
      outage: null,
      limits: { maxPerConversation: 10, maxTotal: 10 },
      holdFullNotice: '',
    })
    promised(`accepted ${text}`)
    const lease = await storage.inbox.lease({
      conversationId: `test:${address}`,
      owner,
      now: Date.now(),
      historyLimit: 100,
      merge: false,
    })
    const answer = `re ${lease!.messages[0]!.text}`
    await storage.inbox.finish(
      lease!,
      { kind: 'answered', text: answer, preface: null, model: 'm', usage: USAGE, modelMs: 1 },
      Date.now(),
    )
    promised(`answered ${answer}`)
  }
}

await Promise.all(Array.from({ length: LANES }, (_, index) => lane(index)))
