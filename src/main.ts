import { hostname } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Alerter } from './alerts/alerter.ts'
import { ChannelAlerts } from './alerts/channel-alerts.ts'
import { takeDuties } from './alerts/duties.ts'
import { Incidents } from './alerts/incidents.ts'
import { buildRoutes, mailOf } from './alerts/routes/build.ts'
import { CredentialGate } from './anthropic/credential-gate.ts'
import { lazyModelClient } from './anthropic/lazy-model.ts'
import { keyCheck } from './anthropic/prove-key.ts'
import { LOGIN_CHANNELS, PULL_CHANNELS } from './channels/channel.ts'
import { openFleetPlatforms, speakers } from './channels/fleet/fleet-channels.ts'
import { chatSignIn } from './channels/kit/chat-sign-in.ts'
import { Uploads } from './channels/web/uploads.ts'
import { WebChannel } from './channels/web/web-channel.ts'
import { homeChannels } from './config/channels.ts'
import { prepareGatewayToken } from './config/home/gateway-token.ts'
import { soulReader } from './config/home/soul.ts'
import type { Settings } from './config/settings.ts'
import { accessPolicyOf } from './conversation/access/access-policy.ts'
import { createChatLogin } from './conversation/login.ts'
import { Messaging } from './conversation/messaging.ts'
import { startRetention } from './conversation/retention.ts'
import type { CredentialParts } from './credentials/assemble.ts'
import { LoginSessions } from './credentials/login.ts'
import { CredentialTimeline } from './credentials/timeline.ts'
import { TokenList } from './http/access/token-list.ts'
import { createApiServices } from './http/api/api-services.ts'
import { createDashboard } from './http/api/dashboard.ts'
import type { SandboxPanel } from './http/api/services.ts'
import { statusReport } from './http/api/status-report.ts'
import { feedFigures } from './http/metrics/figure-feed.ts'
import { feedMetrics } from './http/metrics/metric-feed.ts'
import { Metrics } from './http/metrics/metrics.ts'
import { pageSignIn } from './http/page/page-sign-in.ts'
import { programDoors } from './http/program-doors.ts'
import { HttpServer } from './http/server.ts'
import { Changes } from './http/streams/changes.ts'
import { FigureRecorder } from './inbox/figures/figure-recorder.ts'
import type { Role } from './inbox/fleet/fleet.ts'
import { CombinedGate } from './inbox/gate/gate.ts'
import { ProviderGate } from './inbox/gate/provider-gate.ts'
import { Readiness } from './inbox/gate/readiness.ts'
import { followGate, rememberedGate } from './inbox/gate/remembered-gate.ts'
import { openStore } from './storage/open-store.ts'
import { SECOND, systemClock } from './support/clock.ts'
import { newId } from './support/ids.ts'
import type { Log } from './support/log.ts'
import { PACKAGE_ROOT, VERSION } from './support/package.ts'

/** Answers in hand get this long at a stop; then they are handed back to the queue. */
const STOP_ANSWERS_MS = 8 * SECOND

/** What is said beside the outbox is of the moment. */
const DIRECT_LINE_MS = 10 * SECOND

const NO_ROUTE =
  'Nobody would be told of an outage: configure alerts, a home channel or an operator (hermes init).'

export interface GatewayOptions {
  readonly settings: Settings
  /** Other than `all` only where several gateways work on one PostgreSQL. */
  readonly role: Role
  readonly log: Log
  /** The sign-in and everything that keeps it alive, not started yet. */
  readonly credentials: CredentialParts
  /** Of the process; only commands of alert routes are given a part of it. */
  readonly processEnv: Readonly<NodeJS.ProcessEnv>
  /** The stand-in's switches for the page; null = the provider is a real one. */
  readonly sandbox: SandboxPanel | null
}

/** A gateway that runs. */
export interface Gateway {
  readonly url: string
  /** The port is not the one that was asked for. */
  readonly moved: boolean
  /** A fresh one-use address of the page. */
  pageAddress(): string
  /** One line for a service manager's status. */
  statusLine(): string
  /** Rejects when the event loop, the store or the dispatcher does not work. */
  alive(): Promise<void>
  /** No new turn and no new refresh; what is in hand is finished or handed back. */
  stop(): Promise<void>
}

/** Puts the parts together and starts them. The only place that knows them all. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { settings, log, credentials } = options
  const { config, paths, channels } = settings
  const { texts } = config.gateway
  const clock = systemClock
  const host = hostname()
  const startedAt = new Date(clock.now()).toISOString()
  const onProblem = (err: unknown) => log.error({ err }, 'something went wrong in the background')
  const { token } = prepareGatewayToken(paths.gatewayToken, config.gateway.host)
  const parts = { settings, role: options.role, pullChannels: PULL_CHANNELS, host, clock, log, onProblem }
  const { storage, fleet } = await openStore(parts)
  const { inbox, conversations, facts } = storage
  const { keeper, own: signIns, endpoint } = credentials

  // ── Who may be asked, and when ──────────────────────────────────────────
  const { remembered, remember } = await rememberedGate(facts, onProblem, () => fleet.tell({ kind: 'gate' }))
  const provider = new ProviderGate({ clock, texts, remembered, remember })
  followGate(provider, facts, (listener) => fleet.listen(listener), onProblem)
  const openIncident = await storage.incidents.current()
  const credentialGate = new CredentialGate({
    keeper,
    notice: texts.held,
    remembered: openIncident && { id: openIncident.id, since: openIncident.openedAt },
  })
  const gate = new CombinedGate([credentialGate, provider])
  const model = lazyModelClient({
    baseUrl: config.model.baseUrl,
    door: keeper,
    health: provider,
    clock,
    userAgent: config.auth.oauth.userAgent,
    headers: {},
    texts,
    model: config.model.default,
    contextTokens: config.model.contextLength,
  })

  // ── Messages ────────────────────────────────────────────────────────────
  const web = new WebChannel(clock, channels.web.enabled)
  const platforms = await openFleetPlatforms(channels, fleet, { clock, log, inbox }, () => messaging)
  const all = [web, ...platforms]
  const byName = speakers(platforms)
  const logins = new LoginSessions({ settings: config.auth.oauth, endpoint, store: signIns, clock })
  const chatLogin = createChatLogin({
    signIn: chatSignIn(logins),
    line: {
      async send(channel, address, text) {
        const signal = AbortSignal.timeout(DIRECT_LINE_MS)
        await byName.get(channel)?.send(address, text, { replyTo: null, key: newId(clock.now()), signal })
      },
      async remove(channel, address, id) {
        return (await byName.get(channel)?.remove?.(address, id)) ?? true
      },
    },
    channels: LOGIN_CHANNELS,
    texts,
    clock,
    log,
  })
  const messaging = new Messaging({
    storage,
    model,
    gate,
    outlets: all,
    access: accessPolicyOf(channels, config.gateway.operators),
    texts,
    clock,
    log,
    defaultModel: config.model.default,
    models: [],
    maxTokens: config.model.maxTokens,
    system: soulReader(paths.soul, clock),
    hold: config.gateway.hold,
    concurrency: config.gateway.concurrency,
    drainPerSecond: config.gateway.drainRate,
    personPerMinute: config.gateway.personRate,
    commands: new Map([['login', chatLogin.command]]),
    onPaste: chatLogin.onPaste,
    fleet,
  })
  const { dispatcher, observer, events } = messaging
  let renewingSince: number | null = null
  keeper.subscribe((notice) => {
    if (notice.type !== 'transition') return
    const { state, reason } = notice.to
    // With a reason the token in hand is of no use meanwhile: requests wait.
    renewingSince = state === 'refreshing' && reason !== null ? notice.at : null
  })
  const readiness = new Readiness({
    gate,
    store: messaging.store,
    dispatcher: messaging,
    renewingSince: () => renewingSince,
    clock,
    newId,
  })

  // ── Figures and alerts ──────────────────────────────────────────────────
  const held = async () => (await inbox.counts()).held
  const metrics = new Metrics(
    {
      credential: () => {
        const { state, expiresAt, loginExpiresAt } = keeper.snapshot()
        return { state, expiresAt: msOf(expiresAt), loginExpiresAt: msOf(loginExpiresAt) }
      },
      held,
    },
    clock,
  )
  feedMetrics(metrics, observer, keeper)
  const recorder = new FigureRecorder({ figures: storage.figures, held, clock, onProblem })
  feedFigures(recorder, observer, keeper)
  const timeline = new CredentialTimeline({ keeper, facts, clock, onProblem })
  const changes = new Changes(newId(clock.now()))
  const alerter = new Alerter({
    routes: buildRoutes({
      alerts: config.alerts,
      homeChannels: homeChannels(channels),
      operators: config.gateway.operators,
      senders: byName,
      mail: mailOf(channels.email),
      processEnv: options.processEnv,
    }),
    clock,
    onTry: (route, outcome, problem) => {
      metrics.alert(route, outcome)
      if (outcome === 'failed') log.warn({ route, problem }, 'an alert did not get through this route')
    },
  })
  const incidents = new Incidents({
    store: storage.incidents,
    fleet,
    onChange: () => {
      changes.mark('incident')
      statusChanged()
    },
    alerter,
    clock,
    texts,
    host,
    waiting: async () => {
      const { received, answering, held } = await inbox.counts()
      return received + answering + held
    },
    onProblem,
  })
  const channelAlerts = new ChannelAlerts({
    channels: () => platforms.map((channel) => channel.status()),
    alerter,
    host,
    clock,
    onProblem,
  })
  const statusListeners = new Set<() => void>()
  const statusChanged = () => {
    for (const listener of statusListeners) listener()
  }
  observer.subscribe((fact) => {
    if (fact.kind === 'answered') incidents.count(fact.kind, fact.messages)
    else if (fact.kind === 'refused' || fact.kind === 'parked') incidents.count(fact.kind)
    else if (fact.kind === 'accepted' && !readiness.current().ready) incidents.count('held')
    statusChanged()
  })
  readiness.subscribe((state) => {
    // Whoever reads the log alone must see an outage, too, and its end.
    if (state.ready) log.info('messages are answered')
    else
      log.warn({ status: state.status, reason: state.reason }, 'messages cannot be answered; they are kept')
    // A renewal that takes its time is no outage yet: the ladder may still mend it.
    if (state.ready || state.status !== 'refreshing') incidents.observe(state.ready ? null : state)
    statusChanged()
  })

  // ── The outside ─────────────────────────────────────────────────────────
  const uploads = new Uploads(join(paths.home, 'uploads'), clock)
  const server = new HttpServer({
    host: config.gateway.host,
    port: config.gateway.port,
    whenTaken: settings.sandbox ? 'move' : 'wait',
    publicUrls: config.gateway.publicUrls,
    gatewayToken: token,
    tokens: await TokenList.open(join(paths.home, 'gateway-tokens.json')),
    services: createApiServices({
      inbox,
      conversations,
      incidents: storage.incidents,
      events,
      chat: web,
      uploads,
      login: pageSignIn({
        logins,
        own: signIns,
        resolver: credentials.resolver,
        keys: keyCheck({ baseUrl: config.model.baseUrl, userAgent: config.auth.oauth.userAgent }),
      }),
      dashboard: createDashboard({
        inbox,
        figures: storage.figures,
        recorder,
        timeline,
        keeper,
        observer,
        changes,
        connections: () => [all.map((channel) => channel.status()), alerter.status],
        clock,
        sandbox: options.sandbox,
      }),
      readiness: () => readiness.current(),
      onStatusChange(listener) {
        statusListeners.add(listener)
        return { [Symbol.dispose]: () => void statusListeners.delete(listener) }
      },
      status: async () =>
        statusReport({
          gateway: {
            running: true,
            version: VERSION,
            pid: process.pid,
            url: server.url,
            startedAt,
            sandbox: settings.sandbox,
          },
          readiness: readiness.current(),
          credential: keeper.snapshot(),
          channels: all.map((channel) => channel.status()),
          counts: await inbox.counts(),
          incident: incidents.current,
          fleet: await fleet.members(),
          routes: alerter.status,
          warnings: [
            ...settings.warnings,
            ...(alerter.status.length === 0 && !settings.sandbox ? [NO_ROUTE] : []),
          ],
        }),
      wake: (id) => dispatcher.wake(id),
      clock,
      sandbox: settings.sandbox,
    }),
    metrics,
    doors: programDoors({ config, channels: all, messaging, conversations, gate }),
    pageFolder: fileURLToPath(new URL('dist/web', PACKAGE_ROOT)),
    clock,
    log,
  })

  // ── Start, from the inside out ──────────────────────────────────────────
  await incidents.start()
  // Before the keeper: what it warns of at its start is what the operator most needs to hear.
  const leading = await fleet.lead(() =>
    takeDuties({
      incidents,
      messaging,
      signIn: { alerter, keeper, store: signIns, facts, texts, host, onProblem },
      startRetention: () =>
        startRetention({ conversations, terms: config.gateway.retention, clock, onProblem }),
    }),
  )
  channelAlerts.start()
  await timeline.start()
  recorder.start()
  await credentials.start()
  await messaging.start()
  readiness.start()
  if (config.channels.web.enabled) await web.start(messaging.receiver)
  const { moved } = await server.listen()
  await Promise.all(platforms.map((channel) => channel.start(messaging.receiver)))
  if (alerter.status.length === 0 && !settings.sandbox) log.warn(NO_ROUTE)
  void alerter.check().catch(onProblem)

  return {
    url: server.url,
    moved,
    pageAddress: () => server.pageAddress(),
    statusLine() {
      const state = readiness.current()
      return state.ready ? 'ready' : `${state.status}${state.reason ? ` (${state.reason})` : ''}`
    },
    async alive() {
      await inbox.counts()
      if (!dispatcher.isWorking()) throw new Error('the dispatcher does not begin what lies ready')
    },
    async stop() {
      // Both at once: an open refresh may take longer than the answers in hand.
      const refreshed = keeper.stop()
      await Promise.all(all.map((channel) => channel.stop()))
      await messaging.stop(STOP_ANSWERS_MS)
      readiness.stop()
      channelAlerts.stop()
      provider.stop()
      alerter.stop()
      await leading.stop()
      incidents.stop()
      await timeline.stop()
      await recorder.stop()
      await server.close()
      await refreshed
      metrics.close()
      await fleet.stop()
      await storage.close()
    },
  }
}

function msOf(time: string | null): number | null {
  return time === null ? null : Date.parse(time)
}
