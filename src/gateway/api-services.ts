import type { Uploads } from '../channels/web/uploads.ts'
import { createApiServices } from '../http/api/api-services.ts'
import { createDashboard } from '../http/api/dashboard.ts'
import type { ApiServices } from '../http/api/services.ts'
import { statusReport } from '../http/api/status-report.ts'
import { pageSignIn } from '../http/page/page-sign-in.ts'
import type { OpenStore } from '../storage/open-store.ts'
import { isoTime } from '../support/clock.ts'
import { VERSION } from '../support/package.ts'
import type { Messages } from './messages.ts'
import type { ModelParts } from './model.ts'
import type { Operations } from './operations.ts'
import type { Runtime } from './runtime.ts'

/** The gateway as the HTTP server sees it. */
export function apiServices(
  { settings, credentials, sandbox, clock }: Runtime,
  { storage, fleet }: OpenStore,
  { cacheRecord }: ModelParts,
  { messaging, web, channels, logins, keySignIn, inputs }: Messages,
  { readiness, alerts, recorder, timeline, changes, onStatusChange }: Operations,
  uploads: Uploads,
): ApiServices {
  const { inbox, conversations, figures } = storage
  const { keeper } = credentials
  const { alerter, incidents } = alerts
  const { events, dispatcher } = messaging
  const startedAt = isoTime(clock.now())
  const channelStates = () => channels.map((channel) => channel.status())
  return createApiServices({
    inbox,
    inputs,
    conversations,
    incidents: storage.incidents,
    ledger: storage.ledger,
    events,
    chat: web,
    uploads,
    login: pageSignIn({ logins, keySignIn }),
    dashboard: createDashboard({
      inbox,
      figures,
      recorder,
      timeline,
      keeper,
      cacheRecord,
      changes,
      connections: () => [channelStates(), alerter.status],
      clock,
      sandbox,
    }),
    readiness: () => readiness.current(),
    holding() {
      const holding = readiness.holding()
      return holding && { ...holding, credentialKind: keeper.snapshot().kind }
    },
    onStatusChange,
    status: async (url) =>
      statusReport({
        gateway: {
          running: true,
          version: VERSION,
          pid: process.pid,
          url,
          startedAt,
          sandbox: settings.sandbox,
        },
        readiness: readiness.current(),
        holding: readiness.holding(),
        credential: keeper.snapshot(),
        channels: channelStates(),
        counts: await inbox.counts(),
        incident: incidents.current,
        fleet: await fleet.members(),
        routes: alerter.status,
        warnings: [...settings.warnings, ...alerts.warnings],
      }),
    wake: (id) => dispatcher.wake(id),
    clock,
    sandbox: settings.sandbox,
  })
}
