import type { Credential, Rejection } from '../credential.ts'
import type { KeeperCore } from './keeper-core.ts'
import { retryOf, type Retry } from './keeper-state.ts'
import { forget } from './record.ts'
import { probeDelay } from './refresh-policy.ts'
import type { Warnings } from './warnings.ts'

/** What a cheap request with a credential showed. */
export type ProbeResult =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  /** Nothing about the credential: no network, an overload. */
  | { readonly kind: 'unknown' }

export type Probe = (credential: Credential) => Promise<ProbeResult>

/** Asks the provider, ever more rarely, whether it accepts again what nothing here can change. */
export class Prober {
  readonly #core: KeeperCore
  readonly #warnings: Warnings
  readonly #probe: Probe | null
  #asking = false

  constructor(core: KeeperCore, warnings: Warnings, probe: Probe | null) {
    this.#core = core
    this.#warnings = warnings
    this.#probe = probe
  }

  /** The next time to ask; null where nobody can ask. The pauses grow until a real request is accepted. */
  nextTime(): Retry | null {
    if (!this.#core.canProbe) return null
    const { book, random } = this.#core
    const attempt = (book.record.probe?.attempt ?? 0) + 1
    const retry = this.#core.retry('probe', attempt, probeDelay(attempt, random()))
    book.update({ probe: { attempt, at: retry.at } })
    return retry
  }

  /** Asks once, where the state waits for it. */
  async ask(): Promise<void> {
    const core = this.#core
    const { held } = core
    if (this.#asking || this.#probe === null || held === null || retryOf(core.state)?.means !== 'probe')
      return
    this.#asking = true
    // Counted before it leaves: a restart in between must not make it ask twice as often.
    core.dispatch({ type: 'probe-failed', retry: this.nextTime()! })
    let result: ProbeResult
    try {
      result = await this.#probe(held.credential).catch(() => ({ kind: 'unknown' }) as const)
    } finally {
      this.#asking = false
    }
    if (core.held?.credential.fingerprint !== held.credential.fingerprint) return
    if (!core.running || retryOf(core.state)?.means !== 'probe') return
    core.tell({ type: 'probe', at: core.clock.now(), accepted: result.kind === 'accepted' })
    if (result.kind === 'accepted') {
      const { rejected } = core.book.record
      core.book.update({ forbidden: null, rejected: forget(rejected, held.credential.fingerprint) })
      core.dispatch({ type: 'accepted' })
      return
    }
    if (result.kind === 'rejected' && result.rejection.kind === 'rejected') {
      const consecutive401 = core.book.record.consecutive401 + 1
      core.book.update({ consecutive401 })
      this.#warnings.rejectedAgain(consecutive401)
    }
  }
}
