import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { message } from '../../../../test/contracts/storage/kit.ts'
import { runBatch, type Call } from './batch.ts'
import { Session } from './session.ts'

let folder: string
let session: Session

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hermes-batch-'))
  session = new Session({ path: join(folder, 'hermes.db'), pullChannels: [] })
})
afterEach(() => {
  session.close()
  rmSync(folder, { recursive: true })
})

const accept = (id: string): Call => [
  'accept',
  [
    {
      arrivals: [message(id)],
      cursors: [],
      now: 1_000,
      outage: null,
      limits: { maxPerConversation: 9, maxTotal: 9 },
      holdFullNotice: '',
    },
  ],
]
/** Fails in SQLite: there is nothing to put into a column that must have a value. */
const broken: Call = ['factSet', ['key', null]]
const enqueueNowhere: Call = ['enqueue', [{ conversationId: 'telegram:0', text: 'x', replyTo: null, now: 1 }]]

function texts(): readonly unknown[] {
  return session.all('SELECT text FROM messages ORDER BY key').map((row) => row['text'])
}

test('one that fails is undone alone; the others of its batch are kept', () => {
  const replies = runBatch(session, [accept('1'), broken, enqueueNowhere, accept('2'), ['counts', []]])
  expect(replies.map((reply) => reply.ok)).toEqual([true, false, false, true, true])
  expect(replies[1]).toMatchObject({ error: { kind: 'refused' } })
  expect(replies[2]).toMatchObject({
    error: { kind: 'store', message: 'there is no conversation telegram:0' },
  })
  expect(replies[4]).toMatchObject({ value: { received: 2 } })
  expect(texts()).toEqual(['text 1', 'text 2'])
})

test('a bug in an operation is not taken for a fault of the disk', () => {
  const [reply] = runBatch(session, [['accept', [{ arrivals: null }]]])
  expect(reply).toMatchObject({ ok: false, error: { kind: 'bug' } })
})

test('when the commit cannot be made nothing of the batch has happened', () => {
  const other = new DatabaseSync(session.path)
  session.db.exec('PRAGMA busy_timeout = 0')
  other.exec('BEGIN IMMEDIATE')
  const replies = runBatch(session, [accept('1'), ['counts', []]])
  expect(replies[0]).toMatchObject({ ok: false, error: { kind: 'store' } })
  expect(replies[1]).toMatchObject({ ok: true, value: { received: 0 } })
  other.exec('ROLLBACK')
  other.close()
  expect(texts()).toEqual([])
  expect(runBatch(session, [accept('1')])[0]).toMatchObject({ ok: true })
  expect(texts()).toEqual(['text 1'])
})

test('a batch that only reads takes no lock that a writer needs', () => {
  const other = new DatabaseSync(session.path)
  session.db.exec('PRAGMA busy_timeout = 0')
  other.exec('BEGIN IMMEDIATE')
  expect(runBatch(session, [['counts', []]])[0]).toMatchObject({ ok: true })
  other.exec('ROLLBACK')
  other.close()
})
