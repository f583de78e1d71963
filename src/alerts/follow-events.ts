import type { MessageObserver } from '../inbox/figures/observer.ts'
import type { Readiness } from '../inbox/gate/readiness.ts'
import { eventTable, type Consequence } from './event-table.ts'
import type { Incidents } from './incidents.ts'

export interface FollowedEvents {
  readonly readiness: Pick<Readiness, 'current' | 'subscribe'>
  readonly observer: Pick<MessageObserver, 'subscribe'>
  readonly incidents: Pick<Incidents, 'observe' | 'count'>
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
  subscriptions.use(observer.subscribe((fact) => apply(eventTable.message(fact, readiness.current().ready))))
  subscriptions.use(readiness.subscribe((state) => apply(eventTable.readiness(state))))
  return subscriptions
}
