import { fillText, type Texts } from '../../config/texts.ts'
import { backoffDelay, type BackoffOptions } from '../../support/backoff.ts'
import { HOUR, MINUTE, SECOND, type Clock, type Timer } from '../../support/clock.ts'
import { newId } from '../../support/ids.ts'
import {
  type Gate,
  type GateState,
  SwitchGate,
  QUIET_WAIT_MS,
  admitsAll,
  tellAt,
  timeInWords,
} from './gate.ts'

type Closed = Extract<GateState, { open: false }>
type ProviderStatus = 'usage-limited' | 'provider-unavailable' | 'misconfigured'

/** An overload is often over after a second or two; five minutes is how long a recovery may go unnoticed. */
const UNAVAILABLE_BACKOFF: BackoffOptions = { initialMs: 2 * SECOND, maxMs: 5 * MINUTE }
/** Only a person can fix a wrong model name, so a quick retry is useless. */
const MISCONFIGURED_BACKOFF: BackoffOptions = { initialMs: MINUTE, maxMs: HOUR }
/** A limit that is still in force after its announced end: the clocks differ, or another limit follows. */
const LIMIT_BACKOFF: BackoffOptions = { initialMs: 5 * SECOND, maxMs: 5 * MINUTE }

/** A provider may ask for a pause, but not an endless one. Usage limits announce their end and may be longer. */
const MAX_RETRY_AFTER_MS = HOUR

/** Monitors are not alerted to an overload that ends within this time. */
const PROVIDER_UNAVAILABLE_AFTER_MS = MINUTE

/**
 * No message needed the provider for this long after the wait: nothing waits, so the outage is
 * considered ended.
 */
const UNASKED_MS = 10 * MINUTE

/** Timers do not count time in suspend and do not follow a clock that was set: check the wall clock this often. */
const CHECK_EVERY_MS = MINUTE

/** What a restart must know, so that an outage stays one outage and no request is sent before it may succeed. */
export interface ProviderGateMemory {
  readonly id: string
  readonly status: ProviderStatus
  readonly reason: string | null
  readonly since: number
  readonly until: number
  readonly tellAt: number
  readonly notice: string
  readonly attempts: number
  readonly suspected?: boolean
}

export interface ProviderGateOptions {
  readonly clock: Clock
  readonly texts: Texts
  readonly random?: () => number
  /** What `remember` was last given before the restart. */
  readonly remembered?: ProviderGateMemory | null
  /** Called after each change; null = open. */
  readonly remember?: (memory: ProviderGateMemory | null) => void
  readonly onProblem: (error: unknown) => void
}

/**
 * The provider's own state: usage limit, overload, failure of its servers or of the
 * network to it. After each wait one conversation may probe; its outcome opens the
 * gate or doubles the wait. The model client reports every outcome here.
 */
export class ProviderGate implements Gate {
  readonly #options: ProviderGateOptions
  readonly #switch: SwitchGate
  #attempts = 0
  /** While many may proceed: what fails from then on, in epoch milliseconds, has waited as long as it had to. */
  #triesFrom = 0
  /** When the provider last accepted a request of this process, in epoch milliseconds. */
  #succeededAt = 0
  /** Another process was answered since the last failure here: the next one may be the request's own. */
  #isRefuted = false
  #dueMonotonic = 0
  #timer: Timer | null = null

  constructor(options: ProviderGateOptions) {
    this.#options = options
    this.#switch = new SwitchGate(options.onProblem)
    const memory = options.remembered
    if (memory) {
      const { attempts, ...closed } = memory
      this.#attempts = attempts
      this.#triesFrom = closed.until
      this.#shut({ open: false, ...closed, probing: closed.suspected === true })
    }
  }

  current(): GateState {
    return this.#switch.current()
  }

  subscribe(listener: (state: GateState) => void): Disposable {
    return this.#switch.subscribe(listener)
  }

  /** The provider accepted a request. */
  succeeded(): void {
    this.#succeededAt = this.#options.clock.now()
    const state = this.current()
    if (state.open) return
    // An answer that began before the limit was reached says nothing about it.
    if (state.status === 'usage-limited' && !state.probing) return
    this.#open()
  }

  /** @param resumeAt epoch milliseconds at which the limit ends */
  usageLimited(resumeAt: number): void {
    const now = this.#options.clock.now()
    const wait = Math.max(resumeAt - now, this.#nextDelay(LIMIT_BACKOFF))
    this.#close('usage-limited', null, wait)
  }

  /**
   * @param retryAfterMs what the provider asked for; null = it gave none
   * @param suspected the failure may be of the requests that met it: only they wait. What is known to fail for
   * everybody already stays so
   */
  unavailable(retryAfterMs: number | null, reason: string, suspected = false): void {
    if (suspected && this.#isRefuted && this.current().open) {
      this.#isRefuted = false
      return
    }
    const asked = Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS)
    const wait = Math.max(asked, this.#nextDelay(UNAVAILABLE_BACKOFF))
    this.#close('provider-unavailable', reason, wait, suspected && admitsAll(this.current()))
  }

  /** The provider does not know the configured model or address. */
  misconfigured(message: string): void {
    this.#close('misconfigured', message, this.#nextDelay(MISCONFIGURED_BACKOFF))
  }

  /** Another process has found out: `memory` is what its gate remembers; null = open. */
  adopt(memory: ProviderGateMemory | null): void {
    const state = this.current()
    if (memory === null) {
      if (state.open) return
      this.#isRefuted = state.suspected === true
      return this.#open(false)
    }
    if (memory.suspected) return this.#adoptSuspicion(memory)
    const { attempts, ...closed } = memory
    // Known news changes nothing, in particular not a probe in flight.
    const known = !state.open && state.id === memory.id && !state.suspected
    if (known && (state.until ?? 0) >= memory.until) return
    this.#attempts = Math.max(attempts, this.#attempts)
    this.#shut({ open: false, ...closed, probing: false }, false)
  }

  /**
   * What may be the failure of another process's requests holds nobody here. But the process that notifies people
   * and the operator need not be one whose requests fail, and may be one that sends none. Who was answered since says
   * so to all.
   */
  #adoptSuspicion({ attempts, ...closed }: ProviderGateMemory): void {
    const state = this.current()
    if (!state.open) {
      if (!state.suspected) return
      // Of two suspicions the older one is the outage, so that nobody is notified of both.
      const isNews = state.id === closed.id ? closed.until > (state.until ?? 0) : closed.since < state.since
      if (!isNews) return
    } else if (this.#succeededAt > closed.since) {
      this.#options.remember?.(null)
      return
    }
    if (state.open) this.#triesFrom = closed.until
    this.#attempts = Math.max(attempts, this.#attempts)
    this.#shut({ open: false, ...closed, probing: true }, false)
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #open(remember = true): void {
    this.#attempts = 0
    this.#timer?.cancel()
    this.#switch.set({ open: true })
    if (remember) this.#options.remember?.(null)
  }

  /**
   * Fifty conversations that fail together are one failure: only a probe, or the first failure, increases
   * the back-off; while many may proceed, only the first that failed after the wait of the one before. The waits of
   * the others, which move `until`, say nothing: with two that take turns none would ever end.
   */
  #nextDelay(backoff: BackoffOptions): number {
    const state = this.current()
    const now = this.#options.clock.now()
    const isTry = state.open || (state.suspected ? now >= this.#triesFrom : state.probing)
    if (isTry) this.#attempts++
    const delay = backoffDelay(this.#attempts, backoff, (this.#options.random ?? Math.random)())
    if (isTry) this.#triesFrom = now + delay
    return delay
  }

  #close(status: ProviderStatus, reason: string | null, wait: number, suspected = false): void {
    const { clock, texts } = this.#options
    const now = clock.now()
    const before = this.current()
    let until = now + wait
    if (!before.open && !before.probing && before.until !== null) until = Math.max(until, before.until)
    const since = before.open ? now : before.since
    const told = before.open ? tellAt(since, now, until) : Math.min(before.tellAt, tellAt(since, now, until))
    this.#shut({
      open: false,
      id: before.open ? newId(now) : before.id,
      status,
      reason,
      since,
      until,
      tellAt: told,
      notice:
        status === 'usage-limited' && until - now >= QUIET_WAIT_MS
          ? fillText(texts, 'usage_limit', { time: timeInWords(roundedUp(until), now) })
          : texts.held,
      probing: suspected,
      suspected,
    })
  }

  #shut(state: Closed & { until: number }, remember = true): void {
    this.#dueMonotonic =
      this.#options.clock.monotonic() + Math.max(0, state.until - this.#options.clock.now())
    this.#schedule(state.until)
    this.#switch.set(state)
    if (!remember) return
    const { open: _open, probing: _probing, ...rest } = state
    this.#options.remember?.({
      ...rest,
      status: state.status as ProviderStatus,
      until: state.until,
      attempts: this.#attempts,
    })
  }

  #schedule(until: number): void {
    const { clock } = this.#options
    this.#timer?.cancel()
    const left = Math.min(this.#dueMonotonic - clock.monotonic(), until - clock.now())
    this.#timer = clock.setTimer(
      () => this.#checkDeadline(until),
      Math.min(Math.max(0, left), CHECK_EVERY_MS),
    )
  }

  #checkDeadline(until: number): void {
    const { clock } = this.#options
    if (clock.monotonic() < this.#dueMonotonic && clock.now() < until) return this.#schedule(until)
    const state = this.current()
    if (state.open) return
    this.#timer = clock.setTimer(() => this.#open(), UNASKED_MS)
    this.#switch.set({ ...state, probing: true })
  }
}

/** A limit that ends at 14:59:20 is announced for 15:00. */
function roundedUp(at: number): number {
  return Math.ceil(at / MINUTE) * MINUTE
}

/** What a health check prints at `now`: null while all is well, or while an overload is too recent to report. */
export function reportedStatus(state: GateState, now: number): string | null {
  if (state.open) return null
  const young = state.status === 'provider-unavailable' && now - state.since < PROVIDER_UNAVAILABLE_AFTER_MS
  return young ? null : state.status
}
