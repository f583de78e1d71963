import type { KeeperWarning } from '../credentials/keeper/notices.ts'
import type { MessageFact } from '../inbox/figures/observer.ts'
import type { CountedOutcome } from '../inbox/fleet/fleet.ts'
import type { ReadinessState } from '../inbox/gate/readiness.ts'
import type { AlertEvent } from './alert.ts'
import type { Outage } from './tracker.ts'

/** What follows for the operator from what happened. */
export type Consequence =
  | { readonly kind: 'none' }
  /** An outage goes on. */
  | { readonly kind: 'outage'; readonly outage: Outage }
  /** Whatever kept messages from being answered is over. */
  | { readonly kind: 'recovered' }
  /** Messages for the counts of the outage that goes on. */
  | { readonly kind: 'count'; readonly outcome: CountedOutcome; readonly messages: number }
  /** To be told at once, outage or not. */
  | { readonly kind: 'alert'; readonly event: AlertEvent }

const NONE: Consequence = { kind: 'none' }

/** Which event of the keeper, of a gate or of the store means what. It stands nowhere else. */
export const eventTable = {
  /** What the gates, the store and the dispatcher say together. */
  readiness(state: ReadinessState): Consequence {
    if (state.ready) return { kind: 'recovered' }
    // A refresh that takes its time is no outage yet: the recovery steps may still succeed.
    if (state.status === 'refreshing') return NONE
    return { kind: 'outage', outage: state }
  },

  /** @param ready could messages be answered when it happened? */
  message(fact: MessageFact, ready: boolean): Consequence {
    switch (fact.kind) {
      case 'answered':
        return { kind: 'count', outcome: 'answered', messages: fact.messages }
      case 'refused':
      case 'parked':
        return { kind: 'count', outcome: fact.kind, messages: 1 }
      case 'accepted':
        return ready ? NONE : { kind: 'count', outcome: 'held', messages: 1 }
      // A message that is held was counted when it was accepted, or when the outage began.
      case 'held':
      case 'delivered':
      case 'stopped':
      case 'failed':
      case 'undeliverable':
      // Told by readiness, which watches the store.
      case 'store-failed':
      case 'store-recovered':
        return NONE
    }
  },

  keeperWarning({ code, alert }: KeeperWarning): Consequence {
    if (!alert) return NONE
    return { kind: 'alert', event: code === 'login-ending' ? 'signin.ending' : 'warning' }
  },
}
