import type { KeeperWarning } from '../credentials/keeper/status.ts'
import type { MessageFact, MessageObserver } from '../inbox/figures/observer.ts'
import type { CountedOutcome } from '../inbox/fleet/fleet.ts'
import type { Readiness, ReadinessState } from '../inbox/gate/readiness.ts'
import { DAY } from '../support/clock.ts'
import { crossedThreshold, type BudgetUse } from '../usage/budget.ts'
import type { CacheChange } from '../usage/cache-trouble.ts'
import type { AlertEvent } from './alert.ts'
import type { Outage } from './incident-tracker.ts'
import type { Incidents } from './incidents.ts'

/** What an event means for the operator. */
export type Consequence =
  | { readonly kind: 'none' }
  /** There is an outage. */
  | { readonly kind: 'outage'; readonly outage: Outage }
  /** Messages can be answered again. */
  | { readonly kind: 'recovered' }
  /** Messages to count for the open incident. */
  | { readonly kind: 'count'; readonly outcome: CountedOutcome; readonly messages: number }
  /** Sent at once, outage or not. */
  | { readonly kind: 'alert'; readonly event: AlertEvent }

const NONE = { kind: 'none' } as const

/** An alert of a budget of which so many percent are spent. */
type BudgetAlert = Extract<Consequence, { kind: 'alert' }> & { readonly threshold: number }

/** Time to try another model with everybody who uses this one. */
const RETIREMENT_NOTICE_MS = 30 * DAY

/** The warnings that have an event of their own. */
const EVENT_OF_WARNING: Partial<Record<KeeperWarning['code'], AlertEvent>> = {
  'login-ending': 'signin.ending',
  'account-changed': 'signin.changed',
}

/** Which event of the keeper, of a gate or of the store means what. It stands nowhere else. */
export const eventTable = {
  /** The combined state of the gates, the store and the dispatcher. */
  readiness(state: ReadinessState): Consequence {
    // Nothing is broken where a budget is reached: operators have alerts of their own for it.
    if (state.ready || state.status === 'budget') return { kind: 'recovered' }
    // A slow refresh is not an outage yet: the recovery steps may still succeed.
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
      // A held message was counted when it was accepted, or when the outage began.
      case 'held':
      case 'delivered':
      case 'stopped':
      case 'failed':
      case 'undeliverable':
      case 'epoch':
      case 'cache-miss':
      case 'spent':
      // Reported by readiness, which watches the store.
      case 'store-failed':
      case 'store-recovered':
        return NONE
    }
  },

  /** @param retiresAt epoch milliseconds; null = no date is set */
  modelRetirement(retiresAt: number | null, now: number): Consequence {
    if (retiresAt === null || retiresAt - now > RETIREMENT_NOTICE_MS) return NONE
    return { kind: 'alert', event: 'warning' }
  },

  /** @param told the highest threshold, in percent, that operators were alerted of; 0 = none */
  budget(use: BudgetUse, thresholds: readonly number[], told: number): typeof NONE | BudgetAlert {
    const threshold = crossedThreshold(use, thresholds, told)
    return threshold === null ? NONE : { kind: 'alert', event: 'warning', threshold }
  },

  /** Holds no message, but costs more: worth a message, and so is its end. */
  cacheUse(_change: CacheChange): Consequence {
    return { kind: 'alert', event: 'warning' }
  },

  keeperWarning({ code, alert }: KeeperWarning): Consequence {
    if (!alert) return NONE
    return { kind: 'alert', event: EVENT_OF_WARNING[code] ?? 'warning' }
  },
}

export interface FollowedEvents {
  readonly readiness: Pick<Readiness, 'current' | 'subscribe'>
  readonly observer: Pick<MessageObserver, 'subscribe'>
  readonly incidents: Pick<Incidents, 'observe' | 'count' | 'isCounting'>
}

/** Feeds events of the gates, the store and the messages into the incidents. @returns stops it */
export function followEvents({ readiness, observer, incidents }: FollowedEvents): Disposable {
  const apply = (consequence: Consequence): void => {
    switch (consequence.kind) {
      case 'outage':
        return incidents.observe(consequence.outage)
      case 'recovered':
        return incidents.observe(null)
      case 'count':
        return incidents.count(consequence.outcome, consequence.messages)
      default:
        return
    }
  }
  const subscriptions = new DisposableStack()
  subscriptions.use(
    observer.subscribe((fact) => {
      if (incidents.isCounting) apply(eventTable.message(fact, readiness.current().ready))
    }),
  )
  subscriptions.use(readiness.subscribe((state) => apply(eventTable.readiness(state))))
  return subscriptions
}
