import { Alerter } from '../alerts/alerter.ts'
import { CacheAlerts } from '../alerts/cache-alerts.ts'
import { ChannelAlerts } from '../alerts/channel-alerts.ts'
import { startDuties } from '../alerts/duties.ts'
import { followEvents } from '../alerts/event-table.ts'
import { Incidents } from '../alerts/incidents.ts'
import { buildRoutes, mailOf } from '../alerts/routes/build.ts'
import { homeChannels } from '../config/channels.ts'
import { retentionAt, startRetention } from '../conversation/retention.ts'
import type { Readiness } from '../inbox/gate/readiness.ts'
import type { OpenStore } from '../storage/open-store.ts'
import { SECOND } from '../support/clock.ts'
import type { Messages } from './messages.ts'
import type { ModelParts } from './model.ts'
import type { Runtime } from './runtime.ts'

const NO_ROUTE =
  "No alerts are set up: you won't hear about outages. Configure alerts, a home channel or an operator (hermes init)."

/** An alert being sent is finished: long enough for two routes. */
const STOP_DUTIES_MS = 10 * SECOND

export interface Alerts {
  readonly alerter: Alerter
  readonly incidents: Incidents
  /** Before the keeper, whose warnings at start matter most. */
  start(stack: AsyncDisposableStack): Promise<void>
  /** For the operator, wherever the status is shown. */
  readonly warnings: readonly string[]
  /** Logs the warnings, and checks each route in the background. */
  checkRoutes(): void
}

interface AlertHooks {
  readonly readiness: Readiness
  readonly onAttempt: (route: string, outcome: 'sent' | 'failed') => void
  /** The incident that is shown has changed. */
  readonly onIncident: () => void
}

/** Alerts to the operator: routes, incidents, channel alerts and duties. */
export function openAlerts(
  { settings, credentials, processEnv, clock, log, host, onProblem, lifecycle }: Runtime,
  { storage, fleet }: OpenStore,
  { catalogue, settings: modelSettings, cacheRecord }: ModelParts,
  { messaging, platforms, speakers, budgets }: Messages,
  { readiness, onAttempt, onIncident }: AlertHooks,
): Alerts {
  const { config, channels } = settings
  const { texts, operators, retention } = config.gateway
  const { inbox, conversations, facts } = storage
  const { keeper, own } = credentials
  const alerter = new Alerter({
    routes: buildRoutes({
      alerts: config.alerts,
      homeChannels: homeChannels(channels),
      operators,
      senders: speakers,
      mail: mailOf(channels.email),
      processEnv,
    }),
    clock,
    onAttempt(route, outcome, problem) {
      onAttempt(route, outcome)
      if (outcome === 'failed') log.warn({ route, problem }, 'an alert did not get through this route')
    },
  })
  const incidents = new Incidents({
    store: storage.incidents,
    fleet,
    onChange: onIncident,
    alerter,
    clock,
    texts,
    host,
    credential: () => keeper.snapshot(),
    waiting: async () => {
      const { received, answering, held } = await inbox.counts()
      return received + answering + held
    },
    onProblem,
  })
  followEvents({ readiness, observer: messaging.observer, incidents })
  const channelAlerts = new ChannelAlerts({
    channels: () => platforms.map((channel) => channel.status()),
    alerter,
    host,
    clock,
    onProblem,
  })
  const cacheAlerts = new CacheAlerts({ alerter, record: cacheRecord, facts, texts, clock, onProblem })
  const duties = () =>
    startDuties({
      incidents,
      messaging,
      signIn: { alerter, keeper, store: own, facts, texts, host, onProblem },
      models: { alerter, settings: modelSettings, list: catalogue, facts, texts, clock, onProblem },
      budgets: {
        alerter,
        watch: budgets.watch,
        thresholds: config.budgets.alertAt,
        facts,
        texts,
        clock,
        onProblem,
      },
      startRetention: () =>
        startRetention({
          remove: (now) => conversations.retain(retentionAt(retention, now)),
          clock,
          onProblem,
        }),
    })
  const warnings = alerter.status.length === 0 && !settings.sandbox ? [NO_ROUTE] : []
  return {
    alerter,
    incidents,
    warnings,
    checkRoutes() {
      for (const warning of warnings) log.warn(warning)
      alerter.check().catch(onProblem)
    },
    async start(stack) {
      await lifecycle.start(stack, 'incidents', {
        start: () => incidents.start(),
        stop: () => incidents.stop(),
      })
      // Stopped after the alerter, so that none of its alerts is retried any more.
      await lifecycle.start(stack, 'cache alerts', {
        start: async () => cacheAlerts.start(),
        stop: () => cacheAlerts.stop(),
      })
      await lifecycle.start(stack, 'duties of the leader', {
        start: () => fleet.lead(duties),
        async stop(leading) {
          // First: stopping the duties waits for alerts being retried.
          alerter.stop()
          await leading?.stop()
        },
        stopWithinMs: STOP_DUTIES_MS,
      })
      await lifecycle.start(stack, 'channel alerts', {
        start: () => channelAlerts.start(),
        stop: () => channelAlerts.stop(),
      })
    },
  }
}
