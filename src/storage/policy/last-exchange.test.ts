import { describe, expect, test } from 'vitest'
import { changedMessages, conversationRow, messageRow, noChanges } from '../../../test/support/stores/rows.ts'
import type { CommandEffect, IncomingMessage } from '../../inbox/arrival.ts'
import { HOLD_FULL, TAKEN_BACK } from '../../inbox/message.ts'
import type { ConversationRow, MessageRow } from '../rows/rows.ts'
import { needsOf } from './accept.ts'
import { decideEnd } from './last-exchange.ts'

const COMMAND: IncomingMessage = {
  channel: 'telegram',
  address: '42',
  platformMessageId: 'p9',
  personId: 'bert',
  personName: 'Bert',
  text: '/command',
  attachments: [],
  addressed: true,
}
const UNDO: CommandEffect = { undo: { nothing: 'Nothing.' } }
const RETRY: CommandEffect = { retry: { waiting: 'Waiting.' } }
const RESUME: CommandEffect = { resume: true }

interface Given {
  readonly conversation?: ConversationRow
  readonly waiting?: readonly MessageRow[]
  readonly answered?: readonly MessageRow[]
  readonly asked?: readonly MessageRow[]
  readonly withContext?: readonly number[]
}

function decide(effect: CommandEffect | null, given: Given = {}) {
  const { conversation: row = conversationRow({ history_characters: 100 }), ...rest } = given
  const state = { row, waiting: [], answered: [], asked: [], withContext: [], count: 0, ...rest }
  const changes = noChanges()
  const command = { kind: 'command', message: COMMAND, effect, reply: 'Undid {question}.' } as const
  const decision = decideEnd(command, { state, figures: { total: 0 }, changes })
  return { decision, changes, row, state }
}

/** A question and its answer, whose place is 2 × `number`. */
function turn(number: number, over: Partial<MessageRow> = {}): readonly MessageRow[] {
  const at = { state: 'answered', history_seq: 2 * number } as const
  return [
    messageRow(2 * number - 1, { ...at, text: `ask ${number}`, answered_by: `m${2 * number}`, ...over }),
    messageRow(2 * number, { ...at, role: 'assistant', text: `answer ${number}`, person_id: null }),
  ]
}

test('another command leaves the end of the conversation alone', () => {
  const { decision, changes } = decide({ model: 'a' }, { answered: turn(1) })
  expect(decision).toBeNull()
  expect(changedMessages(changes)).toEqual({})
})

test.each([{ effect: UNDO }, { effect: RETRY }, { effect: RESUME }])(
  '$effect needs the last turn and the waiting messages, in an outage also how full the hold is',
  ({ effect }) => {
    const arrival = { kind: 'command', message: COMMAND, effect, reply: '' } as const
    const needs = { place: 'conversation', waiting: 'all', figures: false, turns: 1 }
    expect(needsOf(arrival, null)).toEqual(needs)
    const outage = { id: 'o1', reason: 'needs a sign-in', notice: null }
    expect(needsOf(arrival, outage)).toEqual({ ...needs, figures: true })
  },
)

describe('taking back', () => {
  test('removes the last turn from the history, with its characters, and nothing else', () => {
    const { decision, changes, row } = decide(UNDO, { answered: [...turn(1), ...turn(2)] })
    expect(decision).toEqual({ kind: 'reply', reply: 'Undid ask 2.' })
    expect(changedMessages(changes)).toEqual({ m3: { history_seq: null }, m4: { history_seq: null } })
    expect(row.history_characters).toBe(100 - 'ask 2answer 2'.length)
    expect(changes.saved.get(7)).toBe(row)
  })

  test('does not reach what is before the beginning of the history', () => {
    const conversation = conversationRow({ history_from: 3 })
    expect(decide(UNDO, { conversation, answered: turn(1) }).decision).toEqual({
      kind: 'reply',
      reply: 'Nothing.',
    })
  })

  test.each([
    { text: 'a\n\n  b', quoted: 'a b' },
    { text: 'x'.repeat(61), quoted: `${'x'.repeat(59)}…` },
    { text: '😀'.repeat(61), quoted: `${'😀'.repeat(59)}…` },
    { text: '$& {question}', quoted: '$& {question}' },
    {
      text: '',
      attachments: '[{"id":"f","mediaType":"image/png","name":"cat.png","size":3}]',
      quoted: 'cat.png',
    },
  ])('names $quoted', ({ quoted, ...over }) => {
    expect(decide(UNDO, { answered: turn(1, over) }).decision).toMatchObject({ reply: `Undid ${quoted}.` })
  })

  test('withdraws all messages that were frozen to be answered together, and no others', () => {
    const held = (key: number, group: string | null) => messageRow(key, { state: 'held', group_id: group })
    const waiting = [held(1, null), held(2, 'g'), held(3, 'g')]
    const { changes, state } = decide(UNDO, { waiting, answered: turn(0) })
    const withdrawn = { state: 'withdrawn', reason: TAKEN_BACK }
    expect(changedMessages(changes)).toEqual({ m2: withdrawn, m3: withdrawn })
    expect(state.waiting).toEqual([waiting[0]])
  })

  test('leaves a running turn alone while something waits behind it', () => {
    const conversation = conversationRow({ lease_turn: 't1', lease_owner: 'o', lease_at: 1 })
    const waiting = [messageRow(1, { state: 'answering' }), messageRow(2)]
    const { decision, row } = decide(UNDO, { conversation, waiting })
    expect(decision).toMatchObject({ stopped: false, withdrawn: 1 })
    expect(row.lease_turn).toBe('t1')
  })
})

describe('asking again', () => {
  test('joins what was answered together, as its sender’s, in the place of the command', () => {
    const [first, answer] = turn(1) as [MessageRow, MessageRow]
    const second = { ...first, key: 9, id: 'm9', text: 'and this' }
    const { decision } = decide(RETRY, { answered: [first, second, answer], asked: [second, first] })
    expect(decision).toMatchObject({
      kind: 'ask',
      message: { platformMessageId: 'p9', text: 'ask 1\n\nand this', personId: 'anna', personName: 'Anna' },
    })
  })

  test('asks all of a turn that was stopped, and none of another one', () => {
    const stopped = (key: number, group: string) => messageRow(key, { state: 'withdrawn', group_id: group })
    const asked = [stopped(3, 'g'), stopped(2, 'g'), stopped(1, 'other')]
    expect(decide(RETRY, { asked }).decision).toMatchObject({ message: { text: 'text 2\n\ntext 3' } })
  })

  test.each<{ what: string; given: Given }>([
    {
      what: 'was not stored whole',
      given: { asked: [messageRow(5, { state: 'refused', reason: HOLD_FULL })] },
    },
    { what: 'came with what a program sent', given: { answered: turn(1, { solo: 1 }), withContext: [1] } },
    {
      what: 'is older than the conversation',
      given: {
        conversation: conversationRow({ history_from: 6 }),
        asked: [messageRow(5, { state: 'withdrawn' })],
      },
    },
  ])('does nothing for a message that $what', ({ given }) => {
    const { decision, changes } = decide(RETRY, given)
    expect(decision).toMatchObject({ kind: 'reply' })
    expect(changedMessages(changes)).toEqual({})
  })

  test('takes a parked message out of the operator’s queue', () => {
    const { changes } = decide(RETRY, { asked: [messageRow(5, { state: 'parked', reason: 'failed' })] })
    expect(changedMessages(changes)).toEqual({ m5: { state: 'withdrawn', reason: null } })
    expect(changes.queueChanged).toBe(true)
  })

  test('removes the steps of a parked message, which no turn reads any more', () => {
    const { changes } = decide(RETRY, { asked: [messageRow(5, { state: 'parked', frozen: true })] })
    expect(changes.endedJournals).toEqual([messageRow(5).key])
    expect(changedMessages(changes)).toMatchObject({ m5: { state: 'withdrawn', frozen: false } })
  })
})

describe('continuing', () => {
  const cut = (reason: string | null) => {
    const [question, answer] = turn(1) as [MessageRow, MessageRow]
    return [question, { ...answer, reason }]
  }

  test.each([
    ['cut short', 'ask'],
    [null, 'reply'],
  ])('of an answer that ended with %j: %s', (reason, kind) => {
    expect(decide(RESUME, { answered: cut(reason) }).decision).toMatchObject({ kind })
  })

  test('waits for no answer that is still to come', () => {
    const given = { answered: cut('cut short'), waiting: [messageRow(5)] }
    expect(decide(RESUME, given).decision).toMatchObject({ kind: 'reply' })
  })
})
