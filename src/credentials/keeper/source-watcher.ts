import type { ManagedCredential } from '../credential.ts'
import type { Decision } from '../sources/decision.ts'
import type { KeeperContext } from './keeper-context.ts'
import { isUsable, REJECTED, type KeeperEvent } from './keeper-state.ts'
import { pendingProbe } from './prober.ts'
import {
  forget,
  hasEnded,
  isAccountChange,
  isAlive,
  isTokenGood,
  mayRefreshAfterRejection,
} from './record.ts'
import { MAX_RETRY_AFTER_MS } from './refresh-policy.ts'
import type { TokenClock } from './token-clock.ts'
import { warnAccountChanged, warnUnrenewable } from './warnings.ts'

/** Said where no source holds anything: what to do is the news. */
const NOTHING_FOUND =
  'no credential was found: sign in with `hermes auth login --headless`, or set ANTHROPIC_API_KEY'

/** Loads the sources, and adopts what they say now. */
export class SourceWatcher {
  readonly #context: KeeperContext
  #decision: Decision | null = null
  #loading: Promise<void> | null = null
  /** What Claude Code's file held before its owner signed in another account, until that is accepted. */
  #former: ManagedCredential | null = null
  /** The token of another account that the provider refused while the previous one lived. */
  #refused: string | null = null
  #again = false

  constructor(context: KeeperContext) {
    this.#context = context
  }

  /** The newest decision about the sources. */
  get decision(): Decision | null {
    return this.#decision
  }

  /** Loads everything once, beginning after this call: a load that is under way may have missed a change. */
  reload(): Promise<void> {
    if (this.#loading) {
      this.#again = true
      return this.#loading
    }
    this.#loading = this.#load().finally(() => {
      this.#loading = null
    })
    return this.#loading
  }

  async #load(): Promise<void> {
    const { memory, resolver, clock, running } = this.#context
    do {
      this.#again = false
      await memory.learn(this.#context.active?.fingerprint ?? null)
      // The judge asks for the record each time: it may change while the files are read.
      const decision = await resolver.resolve({
        judge: {
          isAlive: (credential) => isAlive(memory.record, credential, clock.now()),
          isSuperseded: (fingerprint) =>
            memory.record.superseded.includes(fingerprint) || this.#isPassedOver(fingerprint),
        },
        account: this.#accountToKeep,
        onlyToUse: running,
      })
      this.#apply(decision)
    } while (this.#again)
  }

  /**
   * The provider refuses `fingerprint`. If it came with another account's sign-in, the token
   * that was in use before stays in use while it lives.
   *
   * @returns true when it does
   */
  returnToFormer(fingerprint: string): boolean {
    const context = this.#context
    const { memory, clock } = context
    const former = this.#former
    this.#former = null
    if (former === null || !context.isActive(fingerprint)) return false
    // The file no longer holds its refresh token: what is left is its access token.
    const token = { ...former, refreshSource: null }
    if (!isAlive(memory.record, token, clock.now())) return false
    this.#refused = fingerprint
    this.#adopt(token)
    memory.update({ superseded: forget(memory.record.superseded, fingerprint) })
    return true
  }

  /** The active token was accepted: no way leads back from here. */
  forgetFormer(): void {
    this.#former = null
  }

  /** Is another account's sign-in passed over for the token in use? */
  get isPassingOver(): boolean {
    return this.#refused !== null
  }

  #isPassedOver(fingerprint: string): boolean {
    return fingerprint === this.#refused && this.#context.current() !== null
  }

  /** Whose sign-in another source must hold to be adopted; Claude Code's owner decides alone whose theirs is. */
  get #accountToKeep(): string | null {
    const { active } = this.#context
    return active === null || active.source === 'claude-code' ? null : active.accountId
  }

  #apply(decision: Decision): void {
    const context = this.#context
    this.#decision = decision
    context.fallback = decision.fallback
    if (decision.sawSuperseded && this.#refused !== null && this.#isPassedOver(this.#refused)) return
    const next = decision.inUse ?? decision.dead
    if (next) {
      if (context.isActive(next.fingerprint)) context.emitState()
      else this.#adopt(next)
      return
    }
    // A file that is damaged or older than what is in use never takes away a token that works.
    if ((decision.trouble?.misconfigured === false || decision.sawSuperseded) && isUsable(context.state))
      return
    context.deactivate({
      type: 'nothing-found',
      reason: decision.trouble?.reason ?? 'absent',
      message: decision.trouble?.message ?? nothingFound(decision),
      misconfigured: decision.trouble?.misconfigured ?? false,
    })
  }

  #adopt(credential: ManagedCredential): void {
    const context = this.#context
    const before = context.active
    const isOtherAccount = before !== null && isAccountChange(before, credential)
    const isReturn = this.#refused !== null && context.isActive(this.#refused)
    if (!isReturn) this.#refused = null
    this.#former = isOtherAccount && !isReturn ? before : null
    context.activate(credential, true, (token) => eventsOfAdoption(context, token))
    if (!context.running) return
    if (isOtherAccount && !isReturn) warnAccountChanged(context)
    warnUnrenewable(context)
  }
}

function nothingFound({ claudeCodeMissing }: Decision): string {
  return claudeCodeMissing === null ? NOTHING_FOUND : `${NOTHING_FOUND} (${claudeCodeMissing})`
}

/** What a credential that was loaded or refreshed is worth, with what is remembered of it already. */
export function eventsOfAdoption(context: KeeperContext, token: TokenClock): KeeperEvent[] {
  const { memory, clock } = context
  const { record } = memory
  const { credential, isOver } = token
  const { fingerprint, refreshSource } = credential
  const usable = isTokenGood(record, token)
  const retryNow = context.refreshSoon()
  const found: KeeperEvent = { type: 'found', active: credential, usable, retryNow }

  if (record.forbidden?.fingerprint === fingerprint) {
    const { reason, message, byScope } = record.forbidden
    const retry = byScope ? null : pendingProbe(context)
    return [found, { type: 'forbidden', reason, message, byScope, retry }]
  }
  if (hasEnded(record, fingerprint)) {
    const { reason, message } = record.ended
    return [found, { type: 'sign-in-ended', reason, message, usable }]
  }
  const isRejected = !usable && !isOver
  const final = refreshSource === null
  if (isRejected && (final || !mayRefreshAfterRejection(record, token))) {
    return [found, { type: 'rejected', ...REJECTED, retry: pendingProbe(context), final }]
  }
  if (record.failure !== null && record.generation === fingerprint && !final) {
    const { reason, message, attempt, nextAttemptAt, ambiguous } = record.failure
    // A clock that was set back must not make a pause longer than any pause is.
    const delayMs = Math.min(Math.max(0, nextAttemptAt - clock.now()), MAX_RETRY_AFTER_MS)
    const retry = context.retryIn(delayMs, ambiguous && usable ? 'read-again' : 'refresh', attempt)
    return [found, { type: 'refresh-failed', reason, message, usable, retry }]
  }
  if (record.begun === fingerprint && usable && !final) {
    // Its answer was lost with the process that asked: the token may be spent already.
    const retry = context.retryIn(0, 'read-again', 1)
    const trouble = { reason: 'network', message: 'the last refresh was interrupted' } as const
    memory.update({ failure: { ...trouble, attempt: 1, nextAttemptAt: retry.at, ambiguous: true } })
    return [found, { type: 'refresh-failed', ...trouble, usable, retry }]
  }
  return [found]
}
