import type { KeeperNotice } from '../../credentials/keeper/notices.ts'
import type { MessageObserver } from '../../inbox/figures/observer.ts'
import { SECOND } from '../../support/clock.ts'
import type { MetricHooks } from './metrics.ts'

/** Counts events of messages and of the credential. */
export function feedMetrics(
  metrics: MetricHooks,
  observer: MessageObserver,
  keeper: { subscribe(listener: (notice: KeeperNotice) => void): Disposable },
): void {
  observer.subscribe((fact) => {
    switch (fact.kind) {
      case 'answered':
        for (let message = 0; message < fact.messages; message++) metrics.message(fact.channel, 'answered')
        if (fact.seconds !== null && fact.overheadSeconds !== null) {
          metrics.answered(fact.seconds * SECOND, (fact.seconds - fact.overheadSeconds) * SECOND)
        }
        return
      case 'delivered':
        if (fact.overheadSeconds === null) return
        return metrics.answered(fact.seconds * SECOND, (fact.seconds - fact.overheadSeconds) * SECOND)
      case 'stopped':
        return metrics.message(fact.channel, 'withdrawn')
      case 'accepted':
      case 'refused':
      case 'held':
      case 'parked':
      case 'failed':
      case 'undeliverable':
        return metrics.message(fact.channel, fact.kind)
      case 'store-failed':
      case 'store-recovered':
        return
    }
  })
  keeper.subscribe((notice) => {
    if (notice.type === 'refresh') metrics.refresh(notice.outcome)
    if (notice.type === 'rejection') metrics.authRejection()
  })
}
