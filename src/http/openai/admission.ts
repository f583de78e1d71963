import { createHash } from 'node:crypto'
import type { Person } from '../../conversation/receiver.ts'
import type { GateState } from '../../inbox/gate/gate.ts'
import type { ConversationId } from '../../inbox/message.ts'
import { HOUR, SECOND } from '../../support/clock.ts'
import { newId } from '../../support/ids.ts'
import { HttpProblem } from '../answers.ts'
import type { CompletionRequest } from './request.ts'
import type { CompletionServices } from './service.ts'

/** Repeating a key is cheap, but each withdrawn attempt is checked. */
const MAX_ATTEMPTS = 50
/** The default Retry-After. */
const DEFAULT_RETRY_MS = 30 * SECOND
/** Retry-After when the hold is full, which takes longer. */
const HOLD_FULL_RETRY_S = 60

/** A stored request, and where its answer will be. */
export interface Admitted {
  readonly conversationId: ConversationId
  readonly address: string
  readonly requestId: string
  readonly messageId: string
  readonly person: Person
  /** The client accepts waiting through an outage. */
  readonly hold: boolean
  /** Without a key: only this connection can get its answer. */
  readonly keyless: boolean
  /** Stored by this request, not a repetition. */
  readonly fresh: boolean
}

export interface Asking {
  readonly request: CompletionRequest
  /** Of the body of the request: another one under the same key is refused. */
  readonly digest: string
  readonly person: Person
  /** The client's own name for the request; null = none. */
  readonly key: string | null
  readonly hold: boolean
}

/**
 * Stores a request durably, or finds the one that was stored under the same key. While messages
 * cannot be answered nothing is stored, unless the client accepts waiting.
 *
 * @throws HttpProblem 409 | 422 | 429 | 503
 */
export async function admit(services: CompletionServices, asking: Asking, now: number): Promise<Admitted> {
  const { channel, conversations, gate } = services
  const { request, digest, person, key, hold } = asking
  // The key may be any text; its digest is a valid address.
  const address = key === null ? `${person.id}/r/${newId(now)}` : `${person.id}/k/${digestOf(key)}`
  const mayWait = hold || isPassable(gate.current(), now)
  // A stored request is also found during an outage: its answer may exist.
  if (!mayWait && (key === null || !(await conversations.find(channel.channel, address))))
    throw outageProblem(gate.current(), now)
  const { text, attachments } = request
  const context = { ...request.context, digest }
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    if (attempt > 1 && !hold && !isPassable(gate.current(), now)) throw outageProblem(gate.current(), now)
    const requestId = String(attempt)
    const accepted = await channel.post({ address, requestId, person, text, attachments, context })
    if (accepted.conflict)
      throw new HttpProblem(
        422,
        'idempotency_key_reused',
        'This Idempotency-Key was used for another request before.',
      )
    // A withdrawn or refused request may be sent again under the same key.
    if (accepted.duplicate && (accepted.holdFull || accepted.state === 'withdrawn')) continue
    if (accepted.holdFull) throw holdFull()
    return {
      conversationId: channel.conversationId(address),
      address,
      requestId,
      messageId: accepted.messageId!,
      person,
      hold,
      keyless: key === null,
      fresh: !accepted.duplicate,
    }
  }
  throw new HttpProblem(
    409,
    'too_many_tries',
    'This Idempotency-Key was withdrawn too often; use another one.',
  )
}

/**
 * May a request proceed at `now`: as the probe of an outage, or because the wait is too short for a
 * notice, such as for an overload?
 */
export function isPassable(state: GateState, now: number): boolean {
  return state.open || state.probing || now < state.tellAt
}

export function outageProblem(state: GateState, now: number): HttpProblem {
  const until = state.open ? null : state.until
  const wait = Math.min(HOUR, Math.max(SECOND, until === null ? DEFAULT_RETRY_MS : until - now))
  return new HttpProblem(
    503,
    state.open ? 'unavailable' : state.status,
    'The model cannot be reached right now. Try again later, or send the request with X-Hermes-Hold: true to wait.',
    { 'Retry-After': String(Math.ceil(wait / SECOND)) },
  )
}

export function holdFull(): HttpProblem {
  return new HttpProblem(
    429,
    'hold-full',
    'No more requests can be saved right now. Please try again later.',
    {
      'Retry-After': String(HOLD_FULL_RETRY_S),
    },
  )
}

function digestOf(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 40)
}
