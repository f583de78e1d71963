import type { Fence } from '../arrival.ts'
import type { WorkSource } from '../dispatch/work-source.ts'
import type { ConversationId } from '../message.ts'

/**
 * What one gateway announces to the others on the same store. It only wakes: the store has the facts, so
 * lost news costs time and nothing else.
 */
export type FleetNews =
  /** There is work for a process with a free slot. */
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
  /** That answer has ended, successfully or not. */
  | { readonly kind: 'written'; readonly id: ConversationId }
  /** The running turn must stop. The store has already withdrawn the waiting messages. */
  | { readonly kind: 'stop'; readonly id: ConversationId }
  /** A message was stored that belongs to the running turn. */
  | { readonly kind: 'join'; readonly id: ConversationId }
  /** The provider's state was stored again. */
  | { readonly kind: 'gate' }
  /** Something was spent or refused. `unpriced`: models that were asked and have no known price. */
  | { readonly kind: 'budget'; readonly unpriced: readonly string[] }
  /** The incident was stored again. */
  | { readonly kind: 'incident' }
  /** A process has released an exclusive right: it can be acquired. */
  | { readonly kind: 'released' }
  /** Messages ended, or have to wait; for the counts of the incident. */
  | { readonly kind: 'count'; readonly outcome: CountedOutcome; readonly messages: number }
  /** The connection was interrupted: any of the above may have been missed. */
  | { readonly kind: 'missed' }

export type CountedOutcome = 'held' | 'answered' | 'refused' | 'parked'

/** What a gateway process does: receive and send, answer, or both. */
export type Role = 'all' | 'ingress' | 'worker'

/** The gateways on one store, as one of them sees them. A gateway with its own store is a fleet of one. */
export interface Fleet {
  /** Identifies this process among the others. */
  readonly id: string
  readonly role: Role
  /** Where conversations with work come from; null: the store is not shared, and the dispatcher keeps the list. */
  readonly work: WorkSource | null
  /** Processes that answer now, at least one: they share the rates. */
  readonly workers: () => number
  /** Another live process connects to the platforms. */
  readonly hasStandby: boolean
  /** Messages are accepted, and for longer than a restart takes there has been no live process that answers. */
  readonly hasNoWorkers: boolean
  /** Never throws; if a notification is lost, the others read the store a little later. */
  notify(news: FleetNews): void
  listen(listener: (news: FleetNews) => void): Disposable
  /**
   * Competes for an exclusive right, and runs `serve` whenever this process holds it. Resolves after the
   * first attempt.
   */
  hold(name: string, serve: Service): Promise<Candidacy>
  /**
   * As `hold`, for work done once for the whole fleet: a process that connects to the platforms has
   * precedence over one that only answers.
   */
  lead(serve: Service): Promise<Candidacy>
  /** The live processes, this one included; null: there are never others. @throws StoreError */
  members(): Promise<readonly FleetMember[] | null>
  /** Messages can be answered again: the next outage is a new one, with new notices. */
  outageOver(): Promise<void>
  /** Leaves the fleet: the others take over its work at once. */
  stop(): Promise<void>
}

/** The work of a tenure. @returns how to stop it; called before the right is released, where that is possible */
export type Service = (tenure: Tenure) => Promise<() => Promise<void>>

/** An exclusive right of one process, for as long as it lasts. */
export interface Tenure {
  /** Proves the right to the store, which accepts nothing from a previous holder; null: there are no others. */
  readonly fence: Fence | null
  /** Whether the right is certainly held at this moment. Check it before an effect that no store can undo. */
  readonly isFresh: boolean
}

export interface Candidacy {
  /** Ends the tenure cleanly and releases the right for the others. */
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

/** A gateway with its own store: it holds every right. */
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
