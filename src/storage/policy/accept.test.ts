import { describe, expect, test } from 'vitest'
import {
  changedMessages,
  conversationRow,
  extentOf,
  messageRow,
  noChanges,
  THEN,
} from '../../../test/support/stores/rows.ts'
import type { AcceptRequest, Arrival, CommandEffect, IncomingMessage, Outage } from '../../inbox/arrival.ts'
import { HOLD_FULL, TAKEN_BACK } from '../../inbox/message.ts'
import type { ConversationRow, MessageRow } from '../rows/rows.ts'
import { decideArrival, foldInto, needsOf, type Delivery, type Place, type PlacedArrival } from './accept.ts'
import { NO_END } from './last-exchange.ts'

const NOW = THEN + 5_000
const OUTAGE: Outage = { id: 'o1', reason: 'needs a sign-in', notice: 'Please wait.' }
const MESSAGE: IncomingMessage = {
  channel: 'telegram',
  address: '42',
  platformMessageId: 'p1',
  personId: 'anna',
  personName: 'Anna',
  text: 'hello',
  attachments: [],
  addressed: true,
}
const arriving: PlacedArrival = { kind: 'message', message: MESSAGE }
const named = { channel: 'telegram', address: '42', platformMessageId: 'p1' }
const commandOf = (effect: CommandEffect | null): PlacedArrival => ({
  kind: 'command',
  message: { ...MESSAGE, text: '/command' },
  effect,
  reply: 'Done.',
})

interface Given {
  readonly conversation?: ConversationRow | null
  readonly waiting?: readonly MessageRow[]
  readonly delivered?: Delivery
  readonly outage?: Outage
  readonly count?: number
  readonly total?: number
}

/** Decides arrivals one after the other over the same rows. */
function decide(arrivals: readonly PlacedArrival[], given: Given = {}) {
  const { conversation: row = conversationRow(), waiting = [], delivered, outage = null } = given
  const place: Place = {
    origin: 3,
    conversation: row && { row, waiting, count: given.count ?? waiting.length, ...NO_END },
    delivered: new Map(delivered ? [['p1', delivered]] : []),
  }
  const request: AcceptRequest = {
    arrivals,
    cursors: [],
    now: NOW,
    outage,
    limits: { maxPerConversation: 2, maxTotal: 5 },
    holdFullNotice: 'Full.',
  }
  const figures = { observed: 900, total: given.total ?? given.count ?? waiting.length }
  const changes = noChanges()
  const results = arrivals.map((arrival) => decideArrival(arrival, place, request, figures, changes))
  return { results, changes, row: row!, place, figures }
}

const deliveryOf = (message: MessageRow | null, over: Partial<Delivery> = {}): Delivery => ({
  message,
  conversationId: message && 'telegram:42',
  digest: null,
  seen: message === null,
  ...over,
})

describe('a message', () => {
  test('is stored at the end of its conversation, which is woken', () => {
    const { results, changes, row } = decide([arriving])
    expect(changes.added).toMatchObject([
      { conversation: 7, seq: 10, state: 'received', text: 'hello', origin: 3, platform_id: 'p1' },
    ])
    expect(results).toMatchObject([
      { conversationId: 'telegram:42', messageId: changes.added[0]!.id, state: 'received', duplicate: false },
    ])
    expect(extentOf(changes)).toEqual({ added: 1, participants: 1, saved: 1, woken: 1 })
    expect(row).toMatchObject({ next_seq: 11, last_at: NOW })
    expect([changes.arrived, changes.queueChanged]).toEqual([1, false])
  })

  test('delivered twice is stored once, and the second one is told what became of the first', () => {
    const { results, changes } = decide([arriving, arriving])
    expect(changes.added).toHaveLength(1)
    expect(results[1]).toEqual({ ...results[0], duplicate: true })
  })

  test.each([
    {
      name: 'a stored one',
      known: deliveryOf(messageRow(1, { state: 'answered' })),
      id: 'm1',
      state: 'answered',
    },
    {
      name: 'one that was refused',
      known: deliveryOf(messageRow(1, { state: 'refused', reason: HOLD_FULL })),
      id: 'm1',
      state: 'refused',
      holdFull: true,
    },
    { name: 'one that was turned away', known: deliveryOf(null), id: null, state: null },
  ])('delivered again changes nothing: $name', ({ known, id, state, holdFull = false }) => {
    const { results, changes } = decide([arriving], { delivered: known })
    expect(results).toMatchObject([
      { conversationId: 'telegram:42', messageId: id, state, holdFull, duplicate: true, outbox: false },
    ])
    expect(extentOf(changes)).toEqual({})
  })

  test('with another context under a known id is a conflict, with the same one a repetition', () => {
    const context = { digest: 'd1', system: null, turns: [], model: null, maxTokens: null, stop: [] }
    const again = (digest: string) =>
      decide([{ kind: 'message', message: { ...MESSAGE, context } }], {
        delivered: deliveryOf(messageRow(1), { digest }),
      }).results[0]
    expect(again('d1')).not.toHaveProperty('conflict')
    expect(again('d2')).toMatchObject({ duplicate: true, conflict: true })
  })

  test('in an outage is held from now on, and its conversation is told once and not woken', () => {
    const second: PlacedArrival = { kind: 'message', message: { ...MESSAGE, platformMessageId: 'p2' } }
    const { results, changes, row } = decide([arriving, second], { outage: OUTAGE })
    expect(changes.added.map(({ role, state, held_base }) => [role, state, held_base])).toEqual([
      ['user', 'held', 900],
      ['notice', 'answered', null],
      ['user', 'held', 900],
    ])
    expect(results.map(({ outbox }) => outbox)).toEqual([true, false])
    expect(row.told_outage).toBe('o1')
    expect(changes.woken.size).toBe(0)
    expect(changes.arrived).toBe(2)
  })

  test.each([
    { name: 'its conversation', count: 2, total: 2 },
    { name: 'the whole store', count: 0, total: 5 },
  ])('that finds the hold of $name full is refused, and does not count', ({ count, total }) => {
    const { results, changes } = decide([arriving], { outage: OUTAGE, count, total })
    expect(results).toMatchObject([{ state: 'refused', holdFull: true, outbox: true }])
    expect(changes.added.map(({ text, state }) => [text, state])).toEqual([
      ['hello', 'refused'],
      ['Full.', 'answered'],
    ])
    expect(changes.arrived).toBe(0)
  })

  test('has no limits without an outage', () => {
    expect(decide([arriving], { count: 99, total: 99 }).results).toMatchObject([{ state: 'received' }])
  })

  test('is refused in the same delivery that filled the hold, and admitted where one was withdrawn', () => {
    const send = (id: string): PlacedArrival => ({
      kind: 'message',
      message: { ...MESSAGE, platformMessageId: id },
    })
    const states = (arrivals: readonly PlacedArrival[]) =>
      decide(arrivals, { outage: OUTAGE }).results.map(({ state }) => state)
    expect(states([send('p1'), send('p2'), send('p3')])).toEqual(['held', 'held', 'refused'])
    expect(states([send('p1'), send('p2'), { kind: 'deletion', ...named }, send('p3')])).toEqual([
      'held',
      'held',
      'withdrawn',
      'held',
    ])
  })

  test('is admitted where a command of the same delivery emptied the hold', () => {
    const waiting = [messageRow(4), messageRow(5, { state: 'held' })]
    const { results } = decide(
      [
        arriving,
        {
          ...commandOf({ withdrawWaiting: true }),
          message: { ...MESSAGE, platformMessageId: 'p2' },
        } as PlacedArrival,
        { kind: 'message', message: { ...MESSAGE, platformMessageId: 'p3' } },
      ],
      { outage: OUTAGE, waiting, total: 5 },
    )
    expect(results.map(({ state }) => state)).toEqual(['refused', 'answered', 'held'])
  })

  test('for a channel whose readers read the store puts no notice into the outbox', () => {
    const web = conversationRow({ id: 'web:42', channel: 'web' })
    const { results, changes } = decide([arriving], { conversation: web, outage: OUTAGE })
    expect(results).toMatchObject([{ state: 'held', outbox: false }])
    expect(extentOf(changes)).toMatchObject({ added: 2 })
    expect(extentOf(changes)).not.toHaveProperty('sent')
  })
})

describe('a command', () => {
  const waiting = () => [
    messageRow(4, { state: 'answering' }),
    messageRow(5),
    messageRow(6, { state: 'held', held_base: 3 }),
  ]
  const leased = () => conversationRow({ lease_turn: 't1', lease_owner: 'a', lease_at: THEN })

  test('without an effect stores itself, answered by its reply, outside the history', () => {
    const { results, changes } = decide([commandOf(null)], { waiting: waiting() })
    const [stored, reply] = changes.added
    expect(stored).toMatchObject({
      command: true,
      state: 'answered',
      history_seq: null,
      answered_by: reply!.id,
    })
    expect(changes.sent).toMatchObject([{ id: reply!.id, kind: 'notice', reply_to: 'p1' }])
    expect(results).toMatchObject([{ messageId: stored!.id, outbox: true, withdrawn: 0 }])
    expect(changedMessages(changes)).toEqual({})
  })

  test('that withdraws the waiting messages revokes the lease, and counts what had been waiting', () => {
    const { results, changes, row } = decide([commandOf({ withdrawWaiting: true })], {
      conversation: leased(),
      waiting: waiting(),
    })
    const withdrawn = { state: 'withdrawn', reason: null }
    expect(changedMessages(changes)).toEqual({ m4: withdrawn, m5: withdrawn, m6: withdrawn })
    expect(row).toMatchObject({ lease_turn: null, lease_owner: null, stopped_turn: 't1', generation: 4 })
    expect(results).toMatchObject([{ withdrawn: 2 }])
    expect(changes.queueChanged).toBe(true)
  })

  test('without a running turn stops none', () => {
    const { row } = decide([commandOf({ withdrawWaiting: true })], { waiting: [messageRow(5)] })
    expect(row).toMatchObject({ stopped_turn: null, generation: 3 })
  })

  test('withdraws also what came before it in the same delivery, and nothing twice', () => {
    const second: PlacedArrival = { kind: 'message', message: { ...MESSAGE, platformMessageId: 'p2' } }
    const { results, changes } = decide([
      arriving,
      second,
      { kind: 'deletion', ...named, platformMessageId: 'p2' },
      {
        kind: 'command',
        message: { ...MESSAGE, platformMessageId: 'p3' },
        effect: { withdrawWaiting: true },
        reply: 'Done.',
      },
    ])
    expect(changes.added.slice(0, 2).map(({ state }) => state)).toEqual(['withdrawn', 'withdrawn'])
    expect(results.at(-1)).toMatchObject({ withdrawn: 1 })
  })

  test('that clears the history begins it after itself, without a summary', () => {
    const old = conversationRow({ history_from: 2, history_characters: 500 })
    const { changes, row } = decide([commandOf({ clearHistory: true })], { conversation: old })
    expect(row).toMatchObject({ history_from: 12, history_characters: 0, next_seq: 12 })
    expect([...changes.summaries]).toEqual([[7, null]])
  })

  test.each([
    { effect: { model: 'b' }, model: 'b' },
    { effect: { model: null }, model: null },
    { effect: { withdrawWaiting: true as const }, model: 'a' },
  ])('leaves the model at $model after $effect', ({ effect, model }) => {
    const { row } = decide([commandOf(effect)], { conversation: conversationRow({ model: 'a' }) })
    expect(row.model).toBe(model)
  })

  test('delivered twice takes effect once', () => {
    const { results, changes } = decide([commandOf({ model: 'b' }), commandOf({ model: 'c' })])
    expect(changes.added).toHaveLength(2)
    expect(results[1]).toMatchObject({ duplicate: true, messageId: results[0]!.messageId })
  })
})

describe('an edit and a deletion', () => {
  const edit: PlacedArrival = { kind: 'edit', ...named, text: 'better' }
  const deletion: PlacedArrival = { kind: 'deletion', ...named }

  test.each(['received', 'held'] as const)('reach a message that is %s', (state) => {
    const edited = decide([edit], { delivered: deliveryOf(messageRow(1, { state })) })
    expect(edited.results).toMatchObject([{ messageId: 'm1', state }])
    expect([...edited.changes.texts]).toEqual([[1, 'better', null]])
    const deleted = decide([deletion], { delivered: deliveryOf(messageRow(1, { state })), count: 1 })
    expect(deleted.results).toMatchObject([{ messageId: 'm1', state: 'withdrawn' }])
    expect(changedMessages(deleted.changes)).toEqual({ m1: { state: 'withdrawn', reason: TAKEN_BACK } })
    expect([deleted.changes.queueChanged, deleted.figures.total]).toEqual([true, 0])
  })

  const finished = ['answering', 'answered', 'withdrawn', 'refused', 'parked'] as const
  const begun = (['received', 'held'] as const).map((state) => ({ state, frozen: true, group_id: 'g' }))

  test.each([...finished.map((state) => ({ state })), ...begun])('change nothing of one with %o', (row) => {
    for (const arrival of [edit, deletion]) {
      const { results, changes } = decide([arrival], { delivered: deliveryOf(messageRow(1, row)) })
      expect(results).toMatchObject([{ conversationId: 'telegram:42', messageId: null, state: null }])
      expect(extentOf(changes)).toEqual({})
    }
  })

  test('of something unknown change nothing', () => {
    expect(decide([edit, deletion]).results.map(({ messageId }) => messageId)).toEqual([null, null])
    expect(decide([edit], { conversation: null }).results).toMatchObject([{ conversationId: null }])
  })

  test('of a message of the same delivery are stored with it', () => {
    const { changes } = decide([arriving, edit, deletion])
    expect(changes.added).toMatchObject([{ text: 'better', state: 'withdrawn' }])
    expect(extentOf(changes)).not.toHaveProperty('changed')
    expect(extentOf(changes)).not.toHaveProperty('texts')
  })
})

describe('something that is turned away', () => {
  const turnedAway = (reply: string | null): PlacedArrival => ({ kind: 'turned-away', ...named, reply })

  test('leaves its id, and the reply that it got', () => {
    const { results, changes } = decide([turnedAway('No.')])
    expect(changes.seen).toEqual([{ origin: 3, platform_id: 'p1', at: NOW }])
    expect(changes.added).toMatchObject([{ role: 'notice', text: 'No.' }])
    expect(results).toMatchObject([{ messageId: null, outbox: true, duplicate: false }])
  })

  test('without a reply leaves the id alone', () => {
    const { results, changes } = decide([turnedAway(null)], { conversation: null })
    expect(extentOf(changes)).toEqual({ seen: 1 })
    expect(results).toMatchObject([{ conversationId: null, duplicate: false }])
  })

  test('is answered once, also in one delivery', () => {
    const { results, changes } = decide([turnedAway('No.'), turnedAway('No.')])
    expect(results.map(({ duplicate }) => duplicate)).toEqual([false, true])
    expect(extentOf(changes)).toMatchObject({ seen: 1, added: 1 })
  })

  test('under the id of a stored message is an edit of it and gets its reply', () => {
    const { results } = decide([turnedAway('No.')], { delivered: deliveryOf(messageRow(1)) })
    expect(results).toMatchObject([{ duplicate: false, outbox: true }])
  })
})

describe('a chat that moved to where a newer conversation is', () => {
  test('continues the older one: its places continue, and the newer one’s turn waits again', () => {
    const older = conversationRow({ next_seq: 5, history_characters: 10, model: 'a', last_at: 1 })
    const newer = conversationRow({
      key: 8,
      next_seq: 4,
      history_from: 2,
      history_characters: 30,
      last_at: 9,
      lease_turn: 't1',
    })
    const changes = noChanges()
    expect(foldInto(older, newer, [messageRow(1, { state: 'answering' })], changes)).toBe(4)
    expect(older).toMatchObject({
      next_seq: 8,
      history_from: 6,
      history_characters: 40,
      last_at: 9,
      model: 'a',
    })
    expect(changedMessages(changes)).toEqual({ m1: { state: 'received', reason: null } })
    expect(newer).toMatchObject({ lease_turn: null, generation: 4 })
  })
})

test.each<{ arrival: Arrival; outage?: Outage; needs: ReturnType<typeof needsOf> }>([
  { arrival: arriving, needs: { place: 'conversation', waiting: 'newest', figures: false } },
  { arrival: arriving, outage: OUTAGE, needs: { place: 'conversation', waiting: 'newest', figures: true } },
  {
    arrival: commandOf(null),
    outage: OUTAGE,
    needs: { place: 'conversation', waiting: 'none', figures: false },
  },
  {
    arrival: commandOf({ withdrawWaiting: true }),
    needs: { place: 'conversation', waiting: 'all', figures: false },
  },
  { arrival: { kind: 'deletion', ...named }, needs: { place: 'known', waiting: 'none', figures: false } },
  {
    arrival: { kind: 'turned-away', ...named, reply: null },
    needs: { place: 'address', waiting: 'none', figures: false },
  },
  {
    arrival: { kind: 'turned-away', ...named, reply: 'No.' },
    needs: { place: 'conversation', waiting: 'none', figures: false },
  },
  {
    arrival: { kind: 'moved', channel: 'telegram', from: '1', to: '2' },
    needs: { place: 'known', waiting: 'none', figures: false },
  },
])('what is read for $arrival.kind', ({ arrival, outage = null, needs }) => {
  expect(needsOf(arrival, outage)).toEqual(needs)
})
