import type { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { CREDENTIAL_STATES, type CredentialStateName } from '../../credentials/keeper/keeper-state.ts'
import type { KeeperNotices } from '../../credentials/keeper/status.ts'
import type { MessageFact, MessageObserver } from '../../inbox/figures/observer.ts'
import type { Spent } from '../../inbox/lease.ts'
import { SECOND, type Clock, type Timer } from '../../support/clock.ts'
import { usdOf } from '../../usage/cost-in-words.ts'

/** Values read at each scrape. */
export interface MetricSources {
  readonly credential: () => {
    readonly state: CredentialStateName
    /** Epoch milliseconds; null = unknown: no sample. */
    readonly expiresAt: number | null
    readonly loginExpiresAt: number | null
  }
  readonly held: () => Promise<number>
  /** The share that is spent of each common budget that has a limit; left out: none has. */
  readonly budgets?: () => ReadonlyMap<string, number>
}

/** The metrics library takes 60 ms to load, a tenth of a start: load it after the start. */
const LOAD_AFTER_MS = 3 * SECOND

/** In seconds: from the simulator's 10 ms to an answer that takes minutes. */
const ANSWER_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]
/** In seconds: the gateway's own share, normally a few milliseconds. */
const OVERHEAD_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 60]

/** The metrics of `/metrics`, with fixed names. Events before the library is loaded are buffered. */
export class Metrics {
  readonly #sources: MetricSources
  readonly #now: () => number
  #instruments: Instruments | null = null
  #loading: Promise<Instruments> | null = null
  #pending: Array<(instruments: Instruments) => void> = []
  readonly #timer: Timer
  /** Tokens since the start. */
  #sent = 0
  #fromCache = 0

  constructor(sources: MetricSources, clock: Clock) {
    this.#sources = sources
    this.#now = () => clock.now()
    this.#timer = clock.setTimer(() => void this.#load(), LOAD_AFTER_MS)
  }

  /** Counts what happens to messages and to the credential. */
  follow(observer: MessageObserver, keeper: KeeperNotices): void {
    observer.subscribe((fact) => this.#message(fact))
    keeper.subscribe((notice) => {
      if (notice.type === 'refresh') this.#record((to) => to.refreshes.inc({ outcome: notice.outcome }))
      if (notice.type === 'rejection') this.#record((to) => to.rejections.inc())
    })
  }

  alert(route: string, outcome: string): void {
    this.#record((to) => to.alerts.inc({ route, outcome }))
  }

  /** All metrics in Prometheus' text format. */
  async text(): Promise<{ readonly contentType: string; readonly body: string }> {
    const instruments = await this.#load()
    const { state, expiresAt, loginExpiresAt } = this.#sources.credential()
    for (const name of CREDENTIAL_STATES) instruments.state.set({ state: name }, name === state ? 1 : 0)
    setOrForget(instruments.expiry, secondsUntil(expiresAt, this.#now()))
    setOrForget(instruments.loginExpiry, secondsUntil(loginExpiresAt, this.#now()))
    // When the store does not answer, the last value is kept.
    const held = await this.#sources.held().catch(() => null)
    if (held !== null) instruments.held.set(held)
    for (const [budget, ratio] of this.#sources.budgets?.() ?? []) instruments.budgets.set({ budget }, ratio)
    setOrForget(instruments.cacheRatio, this.#sent === 0 ? null : this.#fromCache / this.#sent)
    const { registry } = instruments
    return { contentType: registry.contentType, body: await registry.metrics() }
  }

  close(): void {
    this.#timer.cancel()
  }

  #message(fact: MessageFact): void {
    switch (fact.kind) {
      case 'answered':
        this.#record((to) => to.messages.inc({ channel: fact.channel, outcome: 'answered' }, fact.messages))
        if (fact.seconds !== null) this.#answered(fact.seconds, fact.overheadSeconds)
        return
      case 'delivered':
        return this.#answered(fact.seconds, fact.overheadSeconds)
      case 'epoch':
        return this.#record((to) => to.epochs.inc({ reason: fact.reason }))
      case 'cache-miss':
        return this.#record((to) => to.cacheMisses.inc({ reason: fact.reason }))
      case 'spent':
        return this.#spent(fact.spent)
      case 'store-failed':
      case 'store-recovered':
        return
      default: {
        const outcome = fact.kind === 'stopped' ? 'withdrawn' : fact.kind
        return this.#record((to) => to.messages.inc({ channel: fact.channel, outcome }))
      }
    }
  }

  #spent({ model, usage, cost }: Spent): void {
    const { inputTokens: input, outputTokens: output } = usage
    const { cacheReadTokens: cache_read, cacheWriteTokens: cache_write } = usage
    this.#sent += input + cache_read + cache_write
    this.#fromCache += cache_read
    this.#record((to) => {
      for (const [kind, tokens] of Object.entries({ input, output, cache_read, cache_write })) {
        to.tokens.inc({ model, kind }, tokens)
      }
      // Nothing of an unknown cost: a 0 would say that it was free.
      if (cost !== null) to.cost.inc({ model }, usdOf(cost))
    })
  }

  /** An answer's last byte. */
  #answered(seconds: number, overheadSeconds: number | null): void {
    if (overheadSeconds === null) return
    this.#record((to) => {
      to.seconds.observe(seconds)
      to.overhead.observe(Math.max(0, overheadSeconds))
    })
  }

  #record(entry: (instruments: Instruments) => void): void {
    if (this.#instruments) entry(this.#instruments)
    else this.#pending.push(entry)
  }

  #load(): Promise<Instruments> {
    return (this.#loading ??= createInstruments().then((instruments) => {
      this.#instruments = instruments
      for (const entry of this.#pending) entry(instruments)
      this.#pending = []
      return instruments
    }))
  }
}

interface Instruments {
  readonly registry: Registry
  readonly state: Gauge<'state'>
  readonly expiry: Gauge
  readonly loginExpiry: Gauge
  readonly refreshes: Counter<'outcome'>
  readonly rejections: Counter
  readonly messages: Counter<'channel' | 'outcome'>
  readonly held: Gauge
  readonly seconds: Histogram
  readonly overhead: Histogram
  readonly alerts: Counter<'route' | 'outcome'>
  readonly epochs: Counter<'reason'>
  readonly cacheMisses: Counter<'reason'>
  readonly budgets: Gauge<'budget'>
  readonly tokens: Counter<'model' | 'kind'>
  readonly cost: Counter<'model'>
  readonly cacheRatio: Gauge
}

async function createInstruments(): Promise<Instruments> {
  const { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } = (await import('prom-client')).default
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  return {
    registry,
    state: new Gauge({
      name: 'hermes_credential_state',
      help: 'The state of the credential in use: 1 for the present one, 0 for the others.',
      labelNames: ['state'],
      registers,
    }),
    expiry: new Gauge({
      name: 'hermes_credential_seconds_to_expiry',
      help: 'Seconds until the access token ends; no sample when that is unknown.',
      registers,
    }),
    loginExpiry: new Gauge({
      name: 'hermes_login_seconds_to_expiry',
      help: 'Seconds until the sign-in itself ends; no sample when that is unknown.',
      registers,
    }),
    refreshes: new Counter({
      name: 'hermes_refresh_total',
      help: 'Refreshes of the credential, by how they ended.',
      labelNames: ['outcome'],
      registers,
    }),
    rejections: new Counter({
      name: 'hermes_auth_rejections_total',
      help: 'Requests to the Messages API that were refused because of the credential.',
      registers,
    }),
    messages: new Counter({
      name: 'hermes_messages_total',
      help: 'Messages, by channel and by what became of them.',
      labelNames: ['channel', 'outcome'],
      registers,
    }),
    held: new Gauge({
      name: 'hermes_messages_held',
      help: 'Messages that wait for the end of an outage.',
      registers,
    }),
    seconds: new Histogram({
      name: 'hermes_message_seconds',
      help: 'From accepting a message to the last byte of its answer.',
      buckets: ANSWER_BUCKETS,
      registers,
    }),
    overhead: new Histogram({
      name: 'hermes_gateway_overhead_seconds',
      help: "The gateway's own share of hermes_message_seconds, without the model's time.",
      buckets: OVERHEAD_BUCKETS,
      registers,
    }),
    alerts: new Counter({
      name: 'hermes_alerts_total',
      help: 'Alerts to the operator, by route and by whether they arrived.',
      labelNames: ['route', 'outcome'],
      registers,
    }),
    budgets: new Gauge({
      name: 'hermes_budget_spent_ratio',
      help: 'The share of a budget that is spent in its present day or month: 1 is all of it.',
      labelNames: ['budget'],
      registers,
    }),
    epochs: new Counter({
      name: 'hermes_epochs_total',
      help: 'Requests to the model that do not begin as the one before them in their conversation, by the reason.',
      labelNames: ['reason'],
      registers,
    }),
    cacheMisses: new Counter({
      name: 'hermes_cache_misses_total',
      help: 'Requests to the model for which the provider could not use what it has kept of the one before, by the reason.',
      labelNames: ['reason'],
      registers,
    }),
    tokens: new Counter({
      name: 'hermes_tokens_total',
      help: 'Tokens that the model was sent and has written, by what is paid for them.',
      labelNames: ['model', 'kind'],
      registers,
    }),
    cost: new Counter({
      name: 'hermes_cost_usd_total',
      help: 'What requests to the model cost in USD at API prices; those of unknown cost are left out.',
      labelNames: ['model'],
      registers,
    }),
    cacheRatio: new Gauge({
      name: 'hermes_cache_read_ratio',
      help: 'The share of the tokens sent since the start that came from the cache; no sample before the first.',
      registers,
    }),
  }
}

function secondsUntil(at: number | null, now: number): number | null {
  return at === null ? null : (at - now) / SECOND
}

function setOrForget(gauge: Gauge, value: number | null): void {
  if (value === null) gauge.remove()
  else gauge.set(value)
}
