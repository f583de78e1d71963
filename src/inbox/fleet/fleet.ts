import type { Fence } from '../arrival.ts'
import type { WorkSource } from '../dispatch/work-source.ts'
import type { ConversationId } from '../message.ts'

/**
 * What one gateway tells the others on the same store. It only wakes: the store has the facts, so
 * that news that went lost costs time and nothing else.
 */
export type FleetNews =
  /** There is work for whoever has room. */
  | { readonly kind: 'work' }
  /** Something is in the conversation's outbox. */
  | { readonly kind: 'outbox'; readonly id: ConversationId }
  /** Rows of the conversation have changed. */
  | { readonly kind: 'changed'; readonly id: ConversationId }
  /** Somebody here reads the conversation, and wants to see its answers while they are written. */
  | { readonly kind: 'watch'; readonly id: ConversationId }
  /** More of the answer that is being written in a conversation that somebody watches. */
  | {
      readonly kind: 'delta'
      readonly id: ConversationId
      readonly turnId: string
      readonly offset: number
      readonly text: string
    }
  /** That answer is over, whichever way. */
  | { readonly kind: 'written'; readonly id: ConversationId }
  /** The answer in hand is not wanted any more. The store has withdrawn what waits. */
  | { readonly kind: 'stop'; readonly id: ConversationId }
  /** The provider's state was written down anew. */
  | { readonly kind: 'gate' }
  /** The incident was written down anew. */
  | { readonly kind: 'incident' }
  /** Somebody has given up what only one may do: it is there to be taken. */
  | { readonly kind: 'released' }
  /** Messages came to their end, or have to wait; for the counts of the incident. */
  | { readonly kind: 'count'; readonly outcome: CountedOutcome; readonly messages: number }
  /** The line to the others was interrupted: any of the above may have been missed. */
  | { readonly kind: 'missed' }

export type CountedOutcome = 'held' | 'answered' | 'refused' | 'parked'

/** What a gateway process does: take in and send, answer, or both. */
export type Role = 'all' | 'ingress' | 'worker'

/** The gateways on one store, as one of them sees them. One that has its store for itself is a fleet of one. */
export interface Fleet {
  /** Names this process among the others. */
  readonly id: string
  readonly role: Role
  /** Where conversations with work come from; null: the store is nobody else's, and the dispatcher keeps the list. */
  readonly work: WorkSource | null
  /** Processes that answer now, at least one: they share the rates. */
  readonly workers: () => number
  /** Another live process connects to the platforms. */
  readonly hasStandby: boolean
  /** Messages are accepted, and for longer than a restart takes no live process has answered any. */
  readonly hasNoWorkers: boolean
  /** Never throws; what cannot be told is read from the store a little later. */
  notify(news: FleetNews): void
  listen(listener: (news: FleetNews) => void): Disposable
  /**
   * Competes for what only one process may do, and does it whenever it is the one. Resolves after
   * the first attempt.
   */
  hold(name: string, serve: Service): Promise<Candidacy>
  /** As `hold`, for what is done once for all: whoever speaks to the platforms goes before who only answers. */
  lead(serve: Service): Promise<Candidacy>
  /** Those who live, this one included; null: there is nobody else, ever. @throws StoreError */
  members(): Promise<readonly FleetMember[] | null>
  /** Messages can be answered again: the next outage is one of its own, of which people are told. */
  outageOver(): Promise<void>
  /** Leaves: the others go on at once with what is left. */
  stop(): Promise<void>
}

/** What is done during a tenure. @returns how it is ended, before the right is given up where that is possible */
export type Service = (tenure: Tenure) => Promise<() => Promise<void>>

/** The right to do what only one process may do, for as long as it lasts. */
export interface Tenure {
  /** Proves it to the store, which takes nothing from a former holder; null: there are no others. */
  readonly fence: Fence | null
  /** Is it certainly ours at this moment? Asked before what no store can take back. */
  readonly isFresh: boolean
}

export interface Candidacy {
  /** Ends the tenure in good order and gives the right to whoever wants it. */
  stop(): Promise<void>
}

export interface FleetMember {
  readonly id: string
  readonly role: Role
  readonly host: string
  readonly pid: number
  readonly version: string
  /** Epoch milliseconds. */
  readonly since: number
  /** What it holds, such as `channel:telegram:1a2b3c4d` and `leader`. */
  readonly holds: readonly string[]
}

/** A gateway that has its store for itself: it agrees with itself. */
export function fleetOfOne(id: string): Fleet {
  const forever: Tenure = { fence: null, isFresh: true }
  const serveAlone = async (serve: Service) => ({ stop: await serve(forever) })
  return {
    id,
    role: 'all',
    work: null,
    workers: () => 1,
    hasStandby: false,
    hasNoWorkers: false,
    notify() {},
    listen: () => ({ [Symbol.dispose]() {} }),
    hold: (_name, serve) => serveAlone(serve),
    lead: serveAlone,
    members: async () => null,
    async outageOver() {},
    async stop() {},
  }
}
