import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, StatementSync } from 'node:sqlite'
import { afterEach, expect, test, vi } from 'vitest'
import { command, message, TELL, USAGE, NEW, STOP } from '../../../test/contracts/storage/kit.ts'
import type { Lease } from '../../inbox/lease.ts'
import { runBatch, type Call } from './thread/batch.ts'
import { Session } from './thread/session.ts'

afterEach(() => vi.restoreAllMocks())

/** The tables that grow over the years; waiting messages and the outbox stay small. */
const LARGE = /^SCAN (messages|m|conversations|c|turns|attachments|addresses|participants|seen|steps|calls)\b/
/** These indexes hold only messages that wait or are being answered. */
const SMALL_INDEX = /USING (COVERING )?INDEX (messages_(waiting|unanswered)|conversations_leased)\b/

test('no everyday statement reads a whole table that grows', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hermes-plans-'))
  const prepare = vi.spyOn(DatabaseSync.prototype, 'prepare')
  const session = new Session({ path: join(folder, 'hermes.db'), pullChannels: [] })
  try {
    exercise(session)
    const statements = new Set(prepare.mock.calls.map(([sql]) => sql))
    prepare.mockRestore()
    const scans = [...statements]
      .filter((sql) => /^\s*(SELECT|UPDATE|DELETE|INSERT)/.test(sql))
      .flatMap((sql) =>
        plan(session.db, sql)
          .filter((step) => LARGE.test(step) && !SMALL_INDEX.test(step))
          .map((step) => `${step} <- ${sql}`),
      )
    expect(statements.size).toBeGreaterThan(40)
    expect(scans).toEqual([])
  } finally {
    session.close()
    rmSync(folder, { recursive: true })
  }
})

/** The statements of a turn without tools, in a conversation that exists. */
const PLAIN_TURN = { accept: 10, lease: 7, answer: 8 }

test('a turn without steps and without budgets costs no statement for them', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hermes-plans-'))
  const session = new Session({ path: join(folder, 'hermes.db'), pullChannels: [] })
  try {
    const first = turn(session, '1')
    const statements = turn(session, '2')
    expect(statements.accept.length).toBeLessThan(first.accept.length)
    expect(Object.values(statements).flat().join('\n')).not.toMatch(
      /\b(steps|calls|budgets|budget_slices|reservations)\b/,
    )
    const counts = Object.entries(statements).map(([part, list]) => [part, list.length])
    expect(Object.fromEntries(counts)).toEqual(PLAIN_TURN)
  } finally {
    session.close()
    rmSync(folder, { recursive: true })
  }
})

/** The statements of one turn, by its parts. */
function turn(session: Session, id: string): Record<keyof typeof PLAIN_TURN, readonly string[]> {
  const accept = executed(session, ['accept', [delivery([message(id)])]])
  const request = { conversationId: 'telegram:7', owner: 'o', now: 9_000, historyLimit: 99, merge: true }
  const lease = executed(session, ['lease', [request]])
  const found = lease.value as Lease
  const key = { conversationId: 'telegram:7', ...found, messages: [found.messages[0]!.id], person: null }
  const blocks = '[{"role":"assistant","content":[]}]'
  const outcome = { kind: 'answered', text: 'a', blocks, preface: null, model: 'm', usage: USAGE, modelMs: 1 }
  const answer = executed(session, ['finish', [key, outcome, 9_500]])
  return { accept: accept.statements, lease: lease.statements, answer: answer.statements }
}

/** What a call returns, and the statements that it executes, without those of its transaction. */
function executed(session: Session, call: Call): { readonly value: unknown; readonly statements: string[] } {
  const spies = (['get', 'all', 'run'] as const).map((name) => vi.spyOn(StatementSync.prototype, name))
  const [reply] = runBatch(session, [call])
  const statements = spies
    .flatMap(({ mock }) => mock.contexts as readonly StatementSync[])
    .map(({ sourceSQL }) => sourceSQL)
    .filter((sql) => /^\s*(SELECT|UPDATE|DELETE|INSERT)/.test(sql))
  vi.restoreAllMocks()
  if (!reply?.ok) throw new Error(reply?.error.message)
  return { value: reply.value, statements }
}

function plan(db: DatabaseSync, sql: string): readonly string[] {
  const statement = db.prepare(`EXPLAIN QUERY PLAN ${sql}`)
  const blanks = Array.from({ length: 30 }, () => null)
  for (let count = 0; count < blanks.length; count++) {
    try {
      return statement.all(...blanks.slice(0, count)).map((row) => String(row['detail']))
    } catch {
      // Another number of parameters, then.
    }
  }
  throw new Error(`cannot explain: ${sql}`)
}

function delivery(arrivals: readonly unknown[], outage: unknown = null): unknown {
  return {
    arrivals,
    cursors: [{ channel: 'telegram', name: 'offset', value: '1' }],
    now: 1_000,
    outage,
    limits: { maxPerConversation: 2, maxTotal: 3 },
    holdFullNotice: 'full',
  }
}

/** Everything that happens while a gateway runs; what an operator asks for now and then is left out. */
function exercise(session: Session): void {
  const run = (...calls: readonly Call[]) =>
    runBatch(session, calls).map((reply) => {
      if (!reply.ok) throw new Error(reply.error.message)
      return reply.value
    })
  const deliver = (arrivals: readonly unknown[], outage: unknown = null): Call => [
    'accept',
    [delivery(arrivals, outage)],
  ]
  const place = { channel: 'telegram', address: '7', platformMessageId: '1' }
  const attachments = [{ mediaType: 'text/plain', name: 'a', bytes: new Uint8Array(3) }]
  const lease = (): readonly unknown[] => {
    const request = { conversationId: 'telegram:7', owner: 'o', now: 9_000, historyLimit: 99, merge: true }
    const [found] = run(['lease', [request]]) as readonly Lease[]
    const { turnId, generation } = found!
    const whose = { person: 'anna', hasContext: false }
    return [{ conversationId: 'telegram:7', turnId, generation, messages: [], ...whose }]
  }
  run(
    deliver([
      message('1', { attachments }),
      message('1'),
      { ...place, kind: 'edit', text: 'better' },
      message('2'),
      { ...place, platformMessageId: '2', kind: 'deletion' },
      command('3', { model: 'b' }),
      { ...place, kind: 'turned-away', platformMessageId: '4', reply: 'no' },
      { kind: 'moved', channel: 'telegram', from: '8', to: '9' },
    ]),
  )
  const key = lease()
  const call = { id: 'c1', tool: 't', class: 'read', input: '{}', result: null }
  const step = { index: 0, response: '{}', maxTokens: 1, calls: [call] }
  const save: Call = ['saveStep', [...key, { step, terms: '{}' }, 2_000]]
  run(
    ['saveDraft', [...key, 'draft']],
    save,
    save,
    ['saveResult', [...key, { index: 0, callId: 'c1', result: '{}' }, 2_000]],
    ['finish', [...key, { kind: 'returned' }, 2_000]],
  )
  const again = lease()
  run([
    'finish',
    [
      ...again,
      { kind: 'answered', text: 'a', preface: null, model: 'm', usage: USAGE, modelMs: 1, summary: 's' },
      2_000,
    ],
  ])
  run(deliver([message('13')]))
  const [stopped] = lease() as readonly object[]
  run(deliver([command('14', STOP)]))
  run(['finish', [{ ...stopped, messages: ['m'] }, { kind: 'stopped', text: '', blocks: '[]' }, 2_000]])
  run(deliver([message('5'), message('6'), message('7'), message('5', { address: '8' })], TELL))
  run(['finish', [...lease(), { kind: 'failed', reason: 'bug', retryAt: 1 }, 2_000]])
  run(['finish', [...lease(), { kind: 'returned', split: true }, 2_000]])
  run(['finish', [...lease(), { kind: 'held', outage: TELL }, 2_000]])
  run(['hold', [{ outage: { ...TELL, id: 'other' }, now: 3_000 }]])
  run(['finish', [...lease(), { kind: 'parked', reason: 'bug', notice: 'parked' }, 2_000]])
  const [head] = run(['head', ['telegram:7']]) as ReadonlyArray<{ readonly item: { readonly id: string } }>
  const item = head!.item.id
  run(
    ['waiting', [4_000]],
    ['counts', []],
    ['recover', ['another']],
    ['cursor', ['telegram', 'offset']],
    ['cursors', ['telegram']],
    ['pending', []],
    ['postpone', [item, 5_000]],
    ['receipt', [item, 0, 'sent', false]],
    ['receipt', [item, 1, 'sent', true]],
    ['expiring', [{ maxAge: 10, observed: 5 }]],
    ['expire', [{ now: 1, observed: 5, notices: [] }]],
    ['find', ['telegram', '7']],
    ['changes', ['telegram:7', 0, 10]],
    ['messages', ['telegram:7', { limit: 10, beforeSeq: null }]],
    ['list', ['telegram', '', 10]],
    ['usage', ['telegram:7']],
    ['ledgerSums', [{ by: 'day', since: 0, conversation: 'telegram:7' }]],
    ['queue', [{ states: ['held', 'parked', 'refused'], limit: 10 }]],
    ['pairingIsApproved', ['telegram', 'anna']],
    ['pairingGuesses', ['telegram', 0]],
    ['exportPerson', ['telegram', 'anna']],
    deliver([command('9', { undo: { nothing: 'nothing' } })]),
    deliver([command('8', NEW)]),
  )
}
