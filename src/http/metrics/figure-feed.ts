import type { KeeperNotice } from '../../credentials/keeper/notices.ts'
import { isGoodRefresh } from '../../credentials/timeline.ts'
import type { FigureRecorder } from '../../inbox/figures/figure-recorder.ts'
import type { MessageObserver } from '../../inbox/figures/observer.ts'

/** Records events of messages and of the credential for the dashboard. */
export function feedFigures(
  recorder: Pick<FigureRecorder, 'count' | 'recordAnswerTime'>,
  observer: MessageObserver,
  keeper: { subscribe(listener: (notice: KeeperNotice) => void): Disposable },
): void {
  observer.subscribe((fact) => {
    switch (fact.kind) {
      case 'answered':
        recorder.count('answered', fact.messages)
        if (fact.seconds !== null) recorder.recordAnswerTime(fact.seconds)
        return
      case 'delivered':
        return recorder.recordAnswerTime(fact.seconds)
      case 'accepted':
      case 'refused':
      case 'parked':
        return recorder.count(fact.kind)
      default:
        return
    }
  })
  keeper.subscribe((notice) => {
    if (notice.type === 'refresh')
      recorder.count(isGoodRefresh(notice.outcome) ? 'refreshes' : 'refresh-failures')
    if (notice.type === 'rejection') recorder.count('rejections')
  })
}
