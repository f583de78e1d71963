import { describe, expect, test } from 'vitest'
import {
  changedMessages,
  conversationRow,
  extentOf,
  messageRow,
  noChanges,
  THEN,
} from '../../../test/support/stores/rows.ts'
import type { Outage } from '../../inbox/arrival.ts'
import type { Spent, TurnOutcome } from '../../inbox/lease.ts'
import type { ConversationRow, MessageRow } from '../rows/rows.ts'
import { decideFinish, needsOutage, needsWithdrawn, withCleanReason, type OutageFacts } from './finish.ts'

const NOW = THEN + 9_000
const KEY = {
  conversationId: 'telegram:42',
  turnId: 't1',
  generation: 3,
  messages: ['m1'],
  person: 'anna',
  hasContext: false,
}
const USAGE = { inputTokens: 4, outputTokens: 3, cacheReadTokens: 2, cacheWriteTokens: 1 }
const ANSWERED: TurnOutcome = {
  kind: 'answered',
  text: 'answer',
  preface: 'before',
  model: 'm',
  usage: USAGE,
  modelMs: 12,
}
const PAID: Spent = {
  kind: 'answer',
  model: 'm',
  usage: { ...USAGE, inputTokens: 7, cacheWrite1hTokens: 1, webSearches: 2 },
  modelMs: 12,
  requests: 1,
  cost: 9_000,
  isEstimated: false,
  isSubscription: true,
  tool: 'web_search',
}
const OUTAGE: Outage = { id: 'o1', reason: 'needs a sign-in', notice: 'Please wait.' }
const OUTCOMES: readonly TurnOutcome[] = [
  ANSWERED,
  { kind: 'refused', reason: 'r', notice: 'no' },
  { kind: 'parked', reason: 'r', notice: 'no' },
  { kind: 'held', outage: OUTAGE },
  { kind: 'returned' },
  { kind: 'failed', reason: 'r', retryAt: 1 },
  { kind: 'stopped', text: 'shown' },
]

interface Given {
  readonly conversation?: Partial<ConversationRow>
  readonly rows?: readonly MessageRow[]
  readonly outage?: OutageFacts
  readonly withdrawn?: readonly MessageRow[]
  readonly hasContext?: boolean
  readonly booked?: number
}

function finish(outcome: TurnOutcome, given: Given = {}) {
  const { conversation: over, rows, outage, withdrawn = [], hasContext = false, booked = 0 } = given
  const lease = { lease_turn: 't1', lease_owner: 'a', lease_at: THEN + 1 }
  const conversation = conversationRow({ ...lease, ...over })
  const waiting = rows ?? [messageRow(1, { state: 'answering', leases: 2 }), messageRow(2)]
  const changes = noChanges()
  const facts = outage ?? { observed: 70, welcome: true }
  const changed = decideFinish(
    { conversation, waiting, outage: facts, withdrawn, booked },
    { ...KEY, hasContext },
    outcome,
    NOW,
    changes,
  )
  return { changed, changes, conversation }
}

describe('a lease that is not the newest any more', () => {
  const superseded = [
    { name: 'another turn holds it', conversation: { lease_turn: 't2' } },
    { name: 'the same turn was leased again', conversation: { generation: 4 } },
    { name: 'it was revoked', conversation: { lease_turn: null } },
  ]
  test.each(superseded)('changes nothing, whatever the outcome: $name', ({ conversation }) => {
    for (const outcome of OUTCOMES) {
      const { changed, changes } = finish(outcome, { conversation })
      expect([outcome.kind, changed, extentOf(changes)]).toEqual([outcome.kind, false, {}])
    }
  })

  test('of a turn that a command stopped keeps what was shown, once', () => {
    const conversation = { lease_turn: null, generation: 4, stopped_turn: 't1' }
    const first = finish({ kind: 'stopped', text: 'shown' }, { conversation })
    expect(first.changed).toBe(true)
    expect(first.changes.added).toMatchObject([
      { role: 'assistant', state: 'withdrawn', text: 'shown', history_seq: null },
    ])
    expect(first.conversation.stopped_turn).toBeNull()
    expect(extentOf(first.changes)).toEqual({ added: 1, saved: 1 })
    expect(finish(ANSWERED, { conversation }).changed).toBe(false)
    const other = { ...conversation, stopped_turn: 't0' }
    expect(finish({ kind: 'stopped', text: 'shown' }, { conversation: other }).changed).toBe(false)
  })
})

test('every outcome ends the lease, forgets how often it was taken, and leaves waiting messages alone', () => {
  for (const outcome of OUTCOMES) {
    const { changed, changes, conversation } = finish(outcome)
    expect(changed).toBe(true)
    expect(conversation).toMatchObject({ lease_turn: null, lease_owner: null, lease_at: null, generation: 3 })
    expect([...changes.changed.keys()]).toEqual([1])
    expect(changedMessages(changes)['m1']).toMatchObject({ leases: 0 })
    expect(changes.queueChanged).toBe(true)
  }
})

describe('an answer', () => {
  test('is stored with its turn and what must be sent, at one place of the history with its messages', () => {
    const rows = [
      messageRow(1, { state: 'answering', text: 'four', draft: 'd1' }),
      messageRow(2, { state: 'answering', text: 'five5', draft: 'd2' }),
    ]
    const { changes, conversation } = finish(ANSWERED, { rows, conversation: { history_characters: 100 } })
    const [stored] = changes.added
    expect(stored).toMatchObject({ role: 'assistant', text: 'answer', preface: 'before', history_seq: 10 })
    const answered = {
      state: 'answered',
      reason: null,
      answered_by: stored!.id,
      history_seq: 10,
      draft: null,
      leases: 0,
    }
    expect(changedMessages(changes)).toEqual({ m1: answered, m2: answered })
    expect(changes.sent).toMatchObject([
      { id: stored!.id, kind: 'answer', reply_to: 'p2', draft: 'd1', asked_at: THEN + 2, at: NOW },
    ])
    expect(changes.turns).toMatchObject([
      { id: 't1', leased_at: THEN + 1, finished_at: NOW, model: 'm', model_ms: 12, output_tokens: 3 },
    ])
    expect(conversation.history_characters).toBe(115)
    expect(changes.usedContexts).toEqual([])
  })

  test('drops the context that a message has brought along', () => {
    const rows = [messageRow(1, { state: 'answering', solo: true })]
    expect(finish(ANSWERED, { rows, hasContext: true }).changes.usedContexts).toEqual([1])
    expect(finish(ANSWERED, { rows }).changes.usedContexts).toEqual([])
  })

  test('is not sent where readers read the store', () => {
    const { changes } = finish(ANSWERED, { conversation: { channel: 'web' } })
    expect(changes.sent).toEqual([])
  })

  test.each([
    { outcome: {}, from: 4, summaries: [] },
    { outcome: { summary: 's' }, from: 4, summaries: [[7, 's']] },
    { outcome: { summary: 's', summaryUpTo: 6 }, from: 7, summaries: [[7, 's']] },
    { outcome: { summary: 's', summaryUpTo: 1 }, from: 4, summaries: [[7, 's']] },
  ])('with $outcome lets the history begin at $from', ({ outcome, from, summaries }) => {
    const { changes, conversation } = finish(
      { ...ANSWERED, ...outcome },
      { conversation: { history_from: 4 } },
    )
    expect(conversation.history_from).toBe(from)
    expect([...changes.summaries]).toEqual(summaries)
  })
})

test.each(['refused', 'parked'] as const)(
  'a turn that is %s tells the person in the draft’s place',
  (kind) => {
    const rows = [messageRow(1, { state: 'answering', draft: 'd1', group_id: 'g' })]
    const { changes } = finish({ kind, reason: 'why', notice: 'No.' }, { rows })
    const [notice] = changes.added
    expect(notice).toMatchObject({ role: 'notice', text: 'No.' })
    expect(changes.sent).toMatchObject([{ kind: 'notice', reply_to: 'p1', draft: 'd1', asked_at: null }])
    expect(changedMessages(changes)).toEqual({
      m1: { leases: 0, state: kind, reason: 'why', answered_by: notice!.id, group_id: null, draft: null },
    })
  },
)

describe('a turn that an outage hands back', () => {
  const held = (over: Given = {}, outage = OUTAGE) => finish({ kind: 'held', outage }, over)

  test('is held from now on; one that was held before keeps its age', () => {
    const rows = [
      messageRow(1, { state: 'answering' }),
      messageRow(2, { state: 'answering', held_base: 5, group_id: 'g' }),
    ]
    expect(changedMessages(held({ rows }).changes)).toEqual({
      m1: { leases: 0, state: 'held', reason: 'needs a sign-in', held_base: 70 },
      m2: { leases: 0, state: 'held', reason: 'needs a sign-in', held_base: 5 },
    })
  })

  test('tells the conversation once an outage, if somebody asked', () => {
    expect(held().changes.added).toMatchObject([{ role: 'notice', text: 'Please wait.' }])
    expect(held().conversation.told_outage).toBe('o1')
    const silent = [
      held({ conversation: { told_outage: 'o1' } }),
      held({ outage: { observed: 70, welcome: false } }),
      held({}, { ...OUTAGE, notice: null }),
    ]
    expect(silent.map(({ changes }) => changes.added.length)).toEqual([0, 0, 0])
    expect(held({ conversation: { told_outage: 'o0' } }).changes.added).toHaveLength(1)
  })

  test('needs the facts of the outage, and no other outcome does', () => {
    expect(OUTCOMES.filter(needsOutage).map(({ kind }) => kind)).toEqual(['held'])
  })
})

test.each<{ name: string; outcome: TurnOutcome; change: object }>([
  {
    name: 'a turn that goes back',
    outcome: { kind: 'returned' },
    change: { leases: 0, state: 'received', reason: null },
  },
  {
    name: 'merged messages that are split',
    outcome: { kind: 'returned', split: true },
    change: { leases: 0, state: 'received', reason: null, group_id: null, solo: true },
  },
  {
    name: 'a turn that failed',
    outcome: { kind: 'failed', reason: 'bug', retryAt: NOW + 5 },
    change: { leases: 0, state: 'received', reason: 'bug', failures: 3, not_before: NOW + 5 },
  },
  {
    name: 'a turn that was stopped before anything was shown',
    outcome: { kind: 'stopped', text: '' },
    change: { leases: 0, state: 'withdrawn', reason: null },
  },
])('$name', ({ outcome, change }) => {
  const rows = [messageRow(1, { state: 'answering', failures: 2, leases: 1, group_id: 'g' })]
  const { changes } = finish(outcome, { rows })
  expect(changedMessages(changes)).toEqual({ m1: change })
  expect(extentOf(changes)).toEqual({ changed: 1, saved: 1 })
})

test('what a turn has cost that begins again is kept, without an answer', () => {
  const spent = [{ ...PAID, kind: 'lost', isEstimated: true } as const]
  const { changes } = finish({ kind: 'returned', spent }, { rows: [messageRow(1, { state: 'answering' })] })
  expect(changes.turns).toMatchObject([
    { id: 't1', finished_at: NOW, model: 'm', model_ms: 12, input_tokens: 7, kind: 'lost', estimated: true },
  ])
  expect(changedMessages(changes)).toMatchObject({ m1: { state: 'received' } })
  expect(changes.added).toEqual([])
})

test.each(OUTCOMES)('what was paid is booked, whatever comes of it: $kind', (outcome) => {
  const { changes } = finish({ ...outcome, spent: [{ ...PAID, kind: 'summary' }, PAID] })
  const entry = {
    id: 't1',
    conversation: 7,
    model: 'm',
    leased_at: THEN + 1,
    finished_at: NOW,
    model_ms: 12,
    input_tokens: 7,
    output_tokens: 3,
    cache_read_tokens: 2,
    cache_write_tokens: 1,
    cache_write_1h_tokens: 1,
    web_searches: 2,
    requests: 1,
    person_id: 'anna',
    tool: 'web_search',
    cost: 9_000,
    estimated: false,
    subscription: true,
  }
  expect(changes.turns).toEqual([
    { ...entry, kind: 'summary' },
    { ...entry, kind: 'answer' },
  ])
})

test('an answer is a turn, also where nobody says what it has cost', () => {
  const [turn, ...more] = finish(ANSWERED).changes.turns
  expect(more).toEqual([])
  expect(turn).toMatchObject({ kind: 'answer', requests: 1, cost: null, estimated: false, input_tokens: 4 })
})

test('what a stopped turn has paid is booked once, also after its lease has ended', () => {
  const conversation = { lease_turn: null, generation: 4, stopped_turn: 't1' }
  const outcome = { kind: 'stopped', text: '', spent: [{ ...PAID, kind: 'lost' }] } as const
  expect(finish(outcome, { conversation }).changes.turns).toMatchObject([{ kind: 'lost', person_id: 'anna' }])
  const again = finish(outcome, { conversation: { ...conversation, stopped_turn: null } })
  expect([again.changed, again.changes.turns]).toEqual([false, []])
})

test.each([
  { name: 'was not stored', booked: 3, kinds: ['step', 'lost'] },
  { name: 'was stored', booked: 4, kinds: ['lost'] },
])('a step of which nobody knows whether it was stored is booked once: it $name', ({ booked, kinds }) => {
  const spent = [{ ...PAID, kind: 'step' } as const, { ...PAID, kind: 'lost' } as const]
  const { changes } = finish({ kind: 'returned', spent, storedBefore: 3 }, { booked })
  expect(changes.turns.map(({ kind }) => kind)).toEqual(kinds)
  const stopped = { conversation: { lease_turn: null, generation: 4, stopped_turn: 't1' }, booked }
  const after = finish({ kind: 'stopped', text: '', spent, storedBefore: 3 }, stopped)
  expect(after.changes.turns.map(({ kind }) => kind)).toEqual(kinds)
})

test('a reason is stored without what looks like a secret', () => {
  const outcome: TurnOutcome = { kind: 'failed', reason: `x sk-ant-oat01-${'a'.repeat(40)} y`, retryAt: 1 }
  expect(JSON.stringify(withCleanReason(outcome))).not.toContain('aaaaaaaa')
  expect(withCleanReason(ANSWERED)).toBe(ANSWERED)
})

describe('a turn with stored steps', () => {
  const rows = () => [
    messageRow(1, { state: 'answering', leases: 2, group_id: 'g', frozen: true }),
    messageRow(2, { state: 'answering', leases: 2, group_id: 'g', frozen: true }),
  ]

  test.each(OUTCOMES)('keeps them until its end: $kind', (outcome) => {
    const isOver = ['answered', 'refused', 'stopped'].includes(outcome.kind)
    const given = rows()
    const { changes } = finish(outcome, { rows: given })
    expect(changes.endedJournals).toEqual(isOver ? [1, 2] : [])
    expect(given.map(({ frozen }) => frozen)).toEqual([!isOver, !isOver])
    const group = outcome.kind === 'refused' ? null : 'g'
    expect(given.map(({ group_id }) => group_id)).toEqual([group, group])
  })

  test('is not split, and may not ask for it forever', () => {
    const { changes } = finish({ kind: 'returned', split: true }, { rows: rows() })
    const change = { state: 'received', reason: null, leases: 2 }
    expect(changedMessages(changes)).toEqual({ m1: change, m2: change })
  })
})

describe('blocks', () => {
  const stopped: TurnOutcome = { kind: 'stopped', text: 'shown', blocks: '[1]' }
  const revoked = { lease_turn: null, generation: 4, stopped_turn: 't1' }
  const withdrawn = [messageRow(1, { state: 'withdrawn', text: 'four' })]

  test('are stored with the answer', () => {
    expect(finish({ ...ANSWERED, blocks: '[1]' }).changes.added).toMatchObject([{ blocks: '[1]' }])
    expect(finish(ANSWERED).changes.added).toMatchObject([{ blocks: null }])
  })

  test.each<{ name: string; given: Given; text?: string; added: number; kept: boolean }>([
    { name: 'its lease is held', given: {}, added: 1, kept: true },
    { name: 'nothing was shown', given: {}, text: '', added: 1, kept: true },
    {
      name: 'a command revoked its lease',
      given: { conversation: revoked, withdrawn },
      added: 1,
      kept: true,
    },
    {
      name: 'a message of it was deleted since',
      given: { conversation: revoked, withdrawn: [] },
      added: 1,
      kept: false,
    },
    {
      name: 'the history was cleared since',
      given: { conversation: { ...revoked, history_from: 2 }, withdrawn },
      added: 1,
      kept: false,
    },
    {
      name: 'the history was cleared since, and nothing was shown',
      given: { conversation: { ...revoked, history_from: 2 }, withdrawn },
      text: '',
      added: 0,
      kept: false,
    },
  ])('of a stopped turn make it a part of the history or not: $name', ({ given, text, added, kept }) => {
    const outcome = { ...stopped, ...(text === undefined ? {} : { text }) }
    const { changes, conversation } = finish(outcome, given)
    expect(changes.added).toHaveLength(added)
    const place = kept ? 10 : null
    const shown = { state: 'withdrawn', blocks: kept ? '[1]' : null, history_seq: place }
    expect(changes.added).toMatchObject(added ? [shown] : [])
    const inHistory = { answered_by: changes.added[0]?.id, history_seq: 10 }
    expect(changedMessages(changes)).toMatchObject(kept ? { m1: inHistory } : {})
    expect(conversation.history_characters > 0).toBe(kept)
    expect(changes.sent).toEqual([])
  })

  test('need the messages of a turn only where a command has revoked its lease', () => {
    const isNeeded = (outcome: TurnOutcome, over: Partial<ConversationRow>) =>
      needsWithdrawn(conversationRow(over), KEY, outcome)
    expect(isNeeded(stopped, revoked)).toBe(true)
    expect(isNeeded(stopped, { lease_turn: 't1', stopped_turn: 't1' })).toBe(false)
    expect(isNeeded(stopped, { ...revoked, stopped_turn: 't0' })).toBe(false)
    expect(OUTCOMES.filter((outcome) => isNeeded(outcome, revoked))).toEqual([])
  })
})
