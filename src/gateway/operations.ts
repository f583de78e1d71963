import { startRetention } from '../conversation/retention.ts'
import { CredentialTimeline, isGoodRefresh } from '../credentials/timeline.ts'
import { Metrics } from '../http/metrics/metrics.ts'
import { Changes } from '../http/streams/changes.ts'
import { FigureRecorder } from '../inbox/figures/figure-recorder.ts'
import { Readiness } from '../inbox/gate/readiness.ts'
import { removeOldCopies } from '../storage/database-copies.ts'
import type { OpenStore } from '../storage/open-store.ts'
import { newId } from '../support/ids.ts'
import { openAlerts, type Alerts } from './alerts.ts'
import type { Messages } from './messages.ts'
import type { ModelParts } from './model.ts'
import type { Runtime } from './runtime.ts'

export interface Operations {
  readonly readiness: Readiness
  readonly alerts: Alerts
  readonly metrics: Metrics
  readonly recorder: FigureRecorder
  readonly timeline: CredentialTimeline
  /** Versions of the parts that the dashboard shows. */
  readonly changes: Changes
  /** Calls `listener` when readiness or the number of waiting messages may have changed. */
  onStatusChange(listener: () => void): Disposable
  /** Before the keeper and the answers, so that no event of their start is missed. */
  startWatching(stack: AsyncDisposableStack): Promise<void>
  /** After the keeper and the answers have started: only then is readiness known. */
  startReadiness(stack: AsyncDisposableStack): Promise<void>
}

/** What operators monitor: readiness, metrics, figures, alerts. */
export async function openOperations(
  runtime: Runtime,
  store: OpenStore,
  model: ModelParts,
  messages: Messages,
  stack: AsyncDisposableStack,
): Promise<Operations> {
  const { settings, credentials, clock, log, onProblem, lifecycle } = runtime
  const { retention } = settings.config.gateway
  const { home } = settings.paths
  const { keeper } = credentials
  const { inbox, figures, facts } = store.storage
  const { messaging } = messages
  const { observer } = messaging
  const readiness = new Readiness({
    gate: model.gate,
    store: messaging.store,
    dispatcher: messaging,
    budget: messages.budgets.watch,
    clock,
    newId,
    onProblem,
  })
  const held = async () => (await inbox.counts()).held
  const credential = () => {
    const { state, expiresAt, loginExpiresAt } = keeper.snapshot()
    return { state, expiresAt: msOf(expiresAt), loginExpiresAt: msOf(loginExpiresAt) }
  }
  const metrics = await lifecycle.start(stack, 'metrics', {
    start: () => new Metrics({ credential, held, budgets: () => messages.budgets.watch.ratios() }, clock),
    stop: (started) => started?.close(),
  })
  metrics.follow(observer, keeper)
  const recorder = new FigureRecorder({ figures, held, clock, onProblem })
  recorder.follow(observer)
  keeper.subscribe((notice) => {
    if (notice.type === 'refresh')
      recorder.count(isGoodRefresh(notice.outcome) ? 'refreshes' : 'refresh-failures')
    if (notice.type === 'rejection') recorder.count('rejections')
  })
  const timeline = new CredentialTimeline({ keeper, facts, clock, onProblem })
  const changes = new Changes(newId(clock.now()), onProblem)
  changes.follow('figures', recorder)
  changes.follow('credential', timeline)
  changes.follow('queue', observer)
  const alerts = openAlerts(runtime, store, model, messages, {
    readiness,
    onAttempt: (route, outcome) => metrics.alert(route, outcome),
    onIncident: () => changes.mark('incident'),
  })
  readiness.subscribe((state) => {
    // The log alone must show an outage and its end.
    if (state.ready) log.info('answering messages')
    else log.warn({ status: state.status, reason: state.reason }, 'outage: holding messages')
  })
  return {
    readiness,
    alerts,
    metrics,
    recorder,
    timeline,
    changes,
    onStatusChange(listener) {
      const watches = new DisposableStack()
      watches.use(observer.subscribe(listener))
      watches.use(changes.subscribe((topic) => topic === 'incident' && listener()))
      // Also of an overload that is too short for a health check.
      watches.use(model.gate.subscribe(listener))
      watches.use(readiness.subscribe(listener))
      return watches
    },
    async startWatching(stack) {
      await alerts.start(stack)
      await lifecycle.start(stack, 'credential timeline', {
        start: () => timeline.start(),
        stop: () => timeline.stop(),
      })
      // Of this home alone, so not a duty of the leader.
      await lifecycle.start(stack, 'copies of the database', {
        start: () =>
          startRetention({
            remove: (now) => removeOldCopies(home, now - retention.messages),
            clock,
            onProblem,
          }),
        stop: (timer) => timer?.[Symbol.dispose](),
      })
      await lifecycle.start(stack, 'figures', { start: () => recorder.start(), stop: () => recorder.stop() })
    },
    startReadiness: (stack) =>
      lifecycle.start(stack, 'readiness', { start: () => readiness.start(), stop: () => readiness.stop() }),
  }
}

function msOf(time: string | null): number | null {
  return time === null ? null : Date.parse(time)
}
