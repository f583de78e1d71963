import { backoffDelay } from '../support/backoff.ts'
import { sleep, type Clock } from '../support/clock.ts'
import { messageOf } from '../support/errors.ts'
import { newId } from '../support/ids.ts'
import { redact } from '../support/text/redact.ts'
import { ALERT_BACKOFF, ALERT_GIVE_UP_MS, ROUTE_TIMEOUT_MS } from './alert-policy.ts'
import type { Alert, AlertRoute, RouteStatus } from './alert.ts'

export interface AlerterOptions {
  /** In the order in which they are tried. */
  readonly routes: readonly AlertRoute[]
  readonly clock: Clock
  readonly random?: () => number
  /** Called for each try, for metrics and the log. */
  readonly onAttempt?: (route: string, outcome: 'sent' | 'failed', problem: string | null) => void
}

/**
 * Alerts the operator through the first route that works, so that one event is one message.
 * A failing route falls through to the next; after all have failed, all are retried.
 */
export class Alerter {
  readonly #options: AlerterOptions
  readonly #status = new Map<string, RouteStatus>()
  readonly #stopping = new AbortController()

  constructor(options: AlerterOptions) {
    this.#options = options
    for (const { name } of options.routes) {
      this.#status.set(name, { route: name, working: null, problem: null, at: null })
    }
  }

  get status(): readonly RouteStatus[] {
    return [...this.#status.values()]
  }

  /** Checks every route without sending anything. */
  async check(): Promise<readonly RouteStatus[]> {
    await Promise.all(
      this.#options.routes.map(async (route) => {
        const problem = await route.check(AbortSignal.timeout(ROUTE_TIMEOUT_MS)).catch(messageOf)
        if (problem !== null) this.#note(route.name, false, problem)
      }),
    )
    return this.status
  }

  /**
   * @param signal stops further attempts: the alert is obsolete
   * @returns the route that delivered it; null when it was dropped
   */
  async send(alert: Omit<Alert, 'id' | 'at'>, signal?: AbortSignal): Promise<string | null> {
    if (this.#options.routes.length === 0) return null
    const { clock, random = Math.random } = this.#options
    const now = clock.now()
    // One id: every attempt on every route is the same alert.
    const complete: Alert = { ...alert, id: newId(now), at: now }
    const stopping = signal ? AbortSignal.any([signal, this.#stopping.signal]) : this.#stopping.signal
    for (let attempt = 1; clock.now() - now < ALERT_GIVE_UP_MS; attempt++) {
      const taken = await this.#tryAll(complete)
      if (taken !== null) return taken
      try {
        await sleep(clock, backoffDelay(attempt, ALERT_BACKOFF, random()), stopping)
      } catch {
        return null
      }
    }
    return null
  }

  /** A test through every route, each on its own. */
  async test(text: string): Promise<readonly RouteStatus[]> {
    const now = this.#options.clock.now()
    const alert: Alert = { id: newId(now), at: now, event: 'test', text, incident: null }
    await Promise.all(this.#options.routes.map((route) => this.#try(route, alert)))
    return this.status
  }

  /** Drops alerts waiting for a retry; one being sent is finished. */
  stop(): void {
    this.#stopping.abort()
  }

  async #tryAll(alert: Alert): Promise<string | null> {
    for (const route of this.#options.routes) {
      if (await this.#try(route, alert)) return route.name
    }
    return null
  }

  async #try(route: AlertRoute, alert: Alert): Promise<boolean> {
    try {
      await route.send(alert, AbortSignal.timeout(ROUTE_TIMEOUT_MS))
      this.#note(route.name, true, null)
      return true
    } catch (error) {
      this.#note(route.name, false, redact(messageOf(error)))
      return false
    }
  }

  #note(route: string, working: boolean, problem: string | null): void {
    this.#status.set(route, { route, working, problem, at: this.#options.clock.now() })
    this.#options.onAttempt?.(route, working ? 'sent' : 'failed', problem)
  }
}
