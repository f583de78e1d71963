import { describe, expect, test } from 'vitest'
import type { AcceptRequest, IncomingMessage, Outage } from '../../inbox/arrival.ts'
import { HOLD_FULL } from '../../inbox/message.ts'
import { MINUTE } from '../../support/clock.ts'
import type { ConversationRow } from '../rows/rows.ts'
import { admit, arrivingMessage, noticeOnArrival } from './admission.ts'

const NOW = 1_700_000_000_000
const OUTAGE: Outage = { id: 'o1', reason: 'needs a sign-in', notice: 'Please wait.' }
const SHORT: Outage = { ...OUTAGE, notice: null }
const MESSAGE: IncomingMessage = {
  channel: 'telegram',
  address: '42',
  platformMessageId: 'p1',
  personId: 'u1',
  personName: 'Ada',
  text: 'hello',
  attachments: [{ mediaType: 'text/plain', name: 'note.txt', bytes: new Uint8Array(3) }],
  addressed: true,
  context: { digest: 'd1', system: null, turns: [], model: null, maxTokens: null, stop: [] },
}

describe('how a message enters', () => {
  test.each([
    { name: 'without an outage it waits for its turn', outage: null, full: false, state: 'received' },
    { name: 'in one too short to speak of, too', outage: SHORT, full: false, state: 'received' },
    { name: 'in an outage it is held', outage: OUTAGE, full: false, state: 'held', reason: OUTAGE.reason },
    { name: 'a full hold refuses it', outage: OUTAGE, full: true, state: 'refused', reason: HOLD_FULL },
    { name: 'also while nothing is said', outage: SHORT, full: true, state: 'refused', reason: HOLD_FULL },
  ])('$name', ({ outage, full, state, reason = null }) => {
    expect(admit(outage, full)).toEqual({ state, reason })
  })

  test('of one that is refused neither files nor context are kept, but what tells it from another', () => {
    const refused = arrivingMessage(MESSAGE, 1, NOW, admit(OUTAGE, true))
    expect(refused).toMatchObject({ text: 'hello', platformId: 'p1', attachments: [] })
    expect(refused.context).toEqual({ value: MESSAGE.context, whole: false })
    const held = arrivingMessage(MESSAGE, 1, NOW, admit(OUTAGE, false))
    expect(held.attachments).toEqual(MESSAGE.attachments)
    expect(held.context?.whole).toBe(true)
  })
})

describe('what is said because of a message', () => {
  interface Case {
    readonly full: boolean
    readonly outage: Outage | null
    readonly addressed: boolean
  }
  const say = (
    told: Partial<ConversationRow>,
    { full = false, outage = OUTAGE, addressed = true }: Partial<Case> = {},
  ) =>
    noticeOnArrival(
      { told_outage: null, full_told_at: null, ...told } as ConversationRow,
      { ...MESSAGE, addressed },
      admit(outage, full),
      { now: NOW, outage, holdFullNotice: 'Full.' } as AcceptRequest,
    )

  test('that it has to wait, once an outage', () => {
    expect(say({})).toEqual({ text: 'Please wait.', replyTo: null, told: { told_outage: 'o1' } })
    expect(say({ told_outage: 'o1' })).toBeNull()
    expect(say({ told_outage: 'o0' })).not.toBeNull()
  })

  test('that the hold is full, once a minute, whichever way the clock was set', () => {
    const notice = { text: 'Full.', replyTo: 'p1', told: { full_told_at: NOW } }
    expect(say({}, { full: true })).toEqual(notice)
    expect(say({ full_told_at: NOW - MINUTE + 1 }, { full: true })).toBeNull()
    expect(say({ full_told_at: NOW - MINUTE }, { full: true })).toEqual(notice)
    expect(say({ full_told_at: NOW + MINUTE }, { full: true })).toEqual(notice)
  })

  test('nothing where nobody asked, where nothing is wrong, and while the wait is short', () => {
    expect(say({}, { addressed: false })).toBeNull()
    expect(say({}, { addressed: false, full: true })).toBeNull()
    expect(say({}, { outage: null })).toBeNull()
    expect(say({}, { outage: SHORT })).toBeNull()
  })
})
