import type { AcceptRequest, IncomingMessage, Outage } from '../../inbox/arrival.ts'
import { HOLD_FULL } from '../../inbox/message.ts'
import { MINUTE } from '../../support/clock.ts'
import type { ConversationRow, NewMessage } from '../rows/rows.ts'

/** During a flood, a conversation gets the notice that the hold is full once in this time, not for each message. */
const FULL_NOTICE_INTERVAL_MS = MINUTE

/** How a message is admitted: waiting for its turn or for the end of an outage, or refused. */
export interface Admission {
  readonly state: 'received' | 'held' | 'refused'
  readonly reason: string | null
}

export function admit(outage: Outage | null, holdFull: boolean): Admission {
  if (outage === null) return { state: 'received', reason: null }
  if (holdFull) return { state: 'refused', reason: HOLD_FULL }
  // While the wait is too short for a notice, the message waits like any other.
  if (outage.notice === null) return { state: 'received', reason: null }
  return { state: 'held', reason: outage.reason }
}

/** The stored form of anything that a person wrote. */
export function fromPerson(message: IncomingMessage, origin: number, at: number) {
  return {
    role: 'user',
    text: message.text,
    at,
    origin,
    platformId: message.platformMessageId,
    personId: message.personId,
    personName: message.personName,
    addressed: message.addressed,
  } as const
}

/** The stored form of a message; a refused one is stored without its attachments and the content of its context. */
export function arrivingMessage(
  message: IncomingMessage,
  origin: number,
  at: number,
  admission: Admission,
): NewMessage {
  const whole = admission.state !== 'refused'
  return {
    ...fromPerson(message, origin, at),
    ...admission,
    attachments: whole ? message.attachments : [],
    ...(message.alone ? { alone: true } : {}),
    about: whole ? (message.about ?? null) : null,
    ...(message.context ? { context: { value: message.context, whole } } : {}),
  }
}

/** A sentence for the sender, and the record that keeps it from being sent again too soon. */
interface ArrivalNotice {
  readonly text: string
  readonly replyTo: string | null
  readonly told: Partial<Pick<ConversationRow, 'full_told_at' | 'told_outage'>>
}

/** What to say because of a message that arrived; null = nothing. */
export function noticeOnArrival(
  conversation: ConversationRow,
  message: IncomingMessage,
  { state }: Admission,
  { now, outage, holdFullNotice }: AcceptRequest,
): ArrivalNotice | null {
  if (!message.addressed || outage === null) return null
  if (state === 'refused') {
    if (!mayTellFull(conversation, now)) return null
    return { text: holdFullNotice, replyTo: message.platformMessageId, told: { full_told_at: now } }
  }
  if (outage.notice === null || conversation.told_outage === outage.id) return null
  return { text: outage.notice, replyTo: null, told: { told_outage: outage.id } }
}

/** A clock that was set back must not silence the notice for good. */
function mayTellFull(conversation: ConversationRow, now: number): boolean {
  const last = conversation.full_told_at
  return last === null || Math.abs(now - last) >= FULL_NOTICE_INTERVAL_MS
}
