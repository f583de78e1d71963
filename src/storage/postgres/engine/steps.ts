import type { AcceptRequest, Arrival } from '../../../inbox/arrival.ts'
import type { StepToStore } from '../../../inbox/inbox.ts'
import type { LeaseRequest, TurnOutcome } from '../../../inbox/lease.ts'
import type { ResultToStore } from '../../../inbox/step.ts'
import { withCleanReason } from '../../policy/finish.ts'
import type { LeaseKey } from '../../policy/lease.ts'
import { clean } from '../connection/statements.ts'
import { withCleanNames } from '../inbox/accept.ts'
import type { Targets } from './lock-conversations.ts'
import type { Keyed } from './step-queue.ts'

/** What the transactions of the engine consist of. All texts that name something are clean. */
export type Step = Keyed &
  (
    | { readonly kind: 'accept'; readonly request: AcceptRequest }
    | { readonly kind: 'lease'; readonly request: LeaseRequest }
    | {
        readonly kind: 'finish'
        readonly lease: LeaseKey
        readonly outcome: TurnOutcome
        readonly now: number
      }
    | { readonly kind: 'draft'; readonly lease: LeaseKey; readonly draft: string }
    | { readonly kind: 'step'; readonly lease: LeaseKey; readonly step: StepToStore; readonly now: number }
    | {
        readonly kind: 'result'
        readonly lease: LeaseKey
        readonly result: ResultToStore
        readonly now: number
      }
  )

export function acceptStep(given: AcceptRequest): Step {
  const request = withCleanNames(given)
  const { arrivals, cursors } = request
  // Streams too, because a cursor must never move back.
  const streams = cursors.map(({ channel, name }) => `cursor ${channel} ${name}`)
  const keys = [...placesOf(arrivals).map(({ channel, address }) => `${channel}:${address}`), ...streams]
  return { kind: 'accept', request, keys, alone: arrivals.some(({ kind }) => kind === 'moved') }
}

export function leaseStep(given: LeaseRequest): Step {
  const request = { ...given, conversationId: clean(given.conversationId) }
  return { kind: 'lease', request, keys: [request.conversationId], alone: false }
}

export function finishStep(given: LeaseKey, outcome: TurnOutcome, now: number): Step {
  const lease = withCleanId(given)
  const keys = [lease.conversationId]
  return { kind: 'finish', lease, outcome: withCleanReason(outcome), now, keys, alone: false }
}

export function draftStep(given: LeaseKey, draft: string): Step {
  const lease = withCleanId(given)
  return { kind: 'draft', lease, draft: clean(draft), keys: [lease.conversationId], alone: false }
}

/** Of a model's turn, unlike the steps of this engine: see `Inbox.saveStep`. */
export function turnStep(given: LeaseKey, step: StepToStore, now: number): Step {
  const lease = withCleanId(given)
  return { kind: 'step', lease, step, now, keys: [lease.conversationId], alone: false }
}

export function resultStep(given: LeaseKey, result: ResultToStore, now: number): Step {
  const lease = withCleanId(given)
  return { kind: 'result', lease, result, now, keys: [lease.conversationId], alone: false }
}

/** The conversations of which the steps need the rows. */
export function targetsOf(steps: readonly Step[]): Targets {
  const places = steps.flatMap((step) => (step.kind === 'accept' ? placesOf(step.request.arrivals) : []))
  return { places, ids: steps.flatMap((step) => (step.kind === 'accept' ? [] : [conversationOf(step)])) }
}

/** The id of the conversation of a step that concerns one. */
export function conversationOf(step: Exclude<Step, { kind: 'accept' }>): string {
  return step.kind === 'lease' ? step.request.conversationId : step.lease.conversationId
}

/** The addresses at which something arrives. */
export function placesOf(arrivals: readonly Arrival[]): Targets['places'] {
  return arrivals.flatMap((arrival) => {
    if (arrival.kind !== 'moved') return 'message' in arrival ? [arrival.message] : [arrival]
    const { channel, from, to } = arrival
    return [
      { channel, address: from },
      { channel, address: to },
    ]
  })
}

function withCleanId(lease: LeaseKey): LeaseKey {
  return { ...lease, conversationId: clean(lease.conversationId) }
}
