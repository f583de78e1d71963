/**
 * A process that writes to a store until it is killed: `node storage-writer.ts PATH ROUND`.
 * It prints a line for each thing that the store has promised to keep.
 */
import { writeSync } from 'node:fs'
import { openSqliteStorage } from '../../src/storage/sqlite/storage.ts'

const LANES = 8
const STDOUT = 1
const USAGE = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 }

const [path, round] = process.argv.slice(2)
const storage = await openSqliteStorage({ path: path!, pullChannels: [] })
const owner = `writer-${round}`
await storage.inbox.recover(owner, Date.now())

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
