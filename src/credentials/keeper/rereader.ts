import type { Held } from '../held.ts'
import type { Decision } from '../sources/decision.ts'
import type { Resolver } from '../sources/resolver.ts'
import type { KeeperCore } from './keeper-core.ts'
import { isUsable, type KeeperEvent, type Retry } from './keeper-state.ts'
import { isAlive, mayRefreshAfterRejection } from './record-rules.ts'
import { MAX_RETRY_AFTER_MS } from './refresh-policy.ts'
import type { TokenInHand } from './token-in-hand.ts'

/** Said where no source holds anything: what to do is the news. */
const NOTHING_FOUND =
  'no credential was found: sign in with `hermes auth login --headless`, or set ANTHROPIC_API_KEY'

/** Reads the sources, and takes over what they say now. */
export class Rereader {
  readonly #core: KeeperCore
  readonly #resolver: Resolver
  #decision: Decision | null = null
  #open: Promise<void> | null = null
  /** Called when a credential was taken over from a source. */
  onAdopted: () => void = () => {}
  #again = false

  constructor(core: KeeperCore, resolver: Resolver) {
    this.#core = core
    this.#resolver = resolver
  }

  /** The newest decision about the sources. */
  get decision(): Decision | null {
    return this.#decision
  }

  /** Reads everything once, beginning after this call: a read that is under way may have missed a change. */
  reread(): Promise<void> {
    if (this.#open) {
      this.#again = true
      return this.#open
    }
    this.#open = this.#run().finally(() => {
      this.#open = null
    })
    return this.#open
  }

  async #run(): Promise<void> {
    do {
      this.#again = false
      const core = this.#core
      await core.book.learn(core.held?.credential.fingerprint ?? null)
      // The judge asks for the record each time: it may change while the files are read.
      const decision = await this.#resolver.resolve({
        judge: {
          isAlive: (held) => isAlive(core.book.record, held, core.clock.now()),
          isSuperseded: (fingerprint) => core.book.record.superseded.includes(fingerprint),
        },
        account: core.held?.credential.accountId ?? null,
      })
      this.#take(decision)
    } while (this.#again)
  }

  #take(decision: Decision): void {
    const core = this.#core
    this.#decision = decision
    core.fallback = decision.fallback
    const next = decision.inUse ?? decision.dead
    if (next) {
      if (next.credential.fingerprint !== core.held?.credential.fingerprint) this.#adopt(next)
      else core.tellState()
      return
    }
    // A file that is damaged or older than what is in hand does not take away a token that works.
    if ((decision.trouble?.misconfigured === false || decision.sawSuperseded) && isUsable(core.state)) return
    core.drop({
      type: 'nothing-found',
      reason: decision.trouble?.reason ?? 'absent',
      message: decision.trouble?.message ?? NOTHING_FOUND,
      misconfigured: decision.trouble?.misconfigured ?? false,
    })
  }

  #adopt(held: Held): void {
    this.#core.take(held, true, (token) => this.eventsFor(held, token))
    this.onAdopted()
  }

  /** What a credential that was read or refreshed is worth, with what is remembered of it already. */
  eventsFor(held: Held, token: TokenInHand): KeeperEvent[] {
    const core = this.#core
    const { record } = core.book
    const { fingerprint } = held.credential
    const retryNow = core.retry('refresh', 0, 0)
    const usable = !token.isOver && !record.rejected.includes(fingerprint)
    const found: KeeperEvent = { type: 'found', held, usable: !token.isOver, retryNow }

    if (record.forbidden?.fingerprint === fingerprint) {
      const { reason, message, byScope } = record.forbidden
      const retry = byScope ? null : this.#probeLater()
      return [found, { type: 'forbidden', reason, message, byScope, retry }]
    }
    if (record.ended?.fingerprint === fingerprint) {
      const { reason, message } = record.ended
      return [found, { type: 'sign-in-ended', reason, message, usable }]
    }
    if (!usable && !token.isOver) {
      const trouble = { reason: 'revoked', message: 'the provider rejects the credential' } as const
      if (held.renewal === null) {
        return [found, { type: 'rejected', ...trouble, retry: this.#probeLater(), final: true }]
      }
      if (!mayRefreshAfterRejection(record, token)) {
        return [found, { type: 'rejected', ...trouble, retry: this.#probeLater(), final: false }]
      }
      return [{ ...found, usable: false }]
    }
    if (record.failure !== null && record.generation === fingerprint && held.renewal !== null) {
      const { reason, message, attempt, nextAttemptAt, ambiguous } = record.failure
      const means = ambiguous && usable ? 'read-again' : 'refresh'
      const retry = core.retry(means, attempt, pauseUntil(nextAttemptAt, core.clock.now()))
      return [found, { type: 'refresh-failed', reason, message, usable, retry }]
    }
    if (record.begun === fingerprint && usable && held.renewal !== null) {
      // Its answer was lost with the process that asked: the token may be spent already.
      const retry = core.retry('read-again', 1, 0)
      const message = 'the last refresh was interrupted'
      core.book.update({
        failure: { reason: 'network', message, attempt: 1, nextAttemptAt: retry.at, ambiguous: true },
      })
      return [found, { type: 'refresh-failed', reason: 'network', message, usable, retry }]
    }
    return [found]
  }

  #probeLater(): Retry | null {
    if (!this.#core.canProbe) return null
    const { probe } = this.#core.book.record
    return this.#core.retry('probe', probe?.attempt ?? 0, pauseUntil(probe?.at ?? 0, this.#core.clock.now()))
  }
}

/** What is left of a remembered pause; a clock that was set back must not make it longer than any pause is. */
function pauseUntil(at: number, now: number): number {
  return Math.min(Math.max(0, at - now), MAX_RETRY_AFTER_MS)
}
