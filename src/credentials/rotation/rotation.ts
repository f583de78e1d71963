import type { IssuedTokens, TokenEndpoint, TokenResult } from '../../oauth/token-endpoint.ts'
import type { BackoffOptions } from '../../support/backoff.ts'
import { SECOND, systemClock, type Clock } from '../../support/clock.ts'
import { messageOf, StoreError } from '../../support/errors.ts'
import { REFRESH_BACKOFF } from '../keeper/refresh-policy.ts'
import {
  nextGeneration,
  stillHolds,
  type Generation,
  type RefreshOutcome,
  type RepeatPolicy,
  type StoredSignIn,
} from '../sign-in.ts'
import { restOf, type Intent, type Intents } from './intent.ts'

/** Room for an answer that is on its way. */
export interface Reserved {
  /** Never throws. */
  discard(): Promise<void>
}

/** What the rotation needs of the place where a sign-in lives, whichever program owns it. */
export interface RotationStore<Room extends Reserved> {
  read(): Promise<StoredSignIn>
  /**
   * Takes the lock that everybody takes who spends this file's refresh token;
   * null when another holder keeps it for `waitMs`.
   *
   * @throws when the lock cannot be made at all
   */
  lock(waitMs: number, signal: AbortSignal): Promise<RotationLock | null>
  /** Reserves room next to the file for what `spent` will become. @throws when the disk rejects it */
  prepare(spent: Generation): Promise<Room>
  /**
   * Under the file's write lock: reads again, and if `spent` is still stored puts
   * `next` in its place, keeping everything unknown.
   *
   * @returns 'saved', or what is stored instead
   * @throws when the write lock cannot be had or the disk rejects it; the file is then untouched
   */
  replace(prepared: Room, spent: Generation, next: Generation): Promise<'saved' | StoredSignIn>
  /** After a crash, under the lock: finishes a write of `spent`'s successor that was complete, removes the others. */
  recover(spent: Generation): Promise<void>
}

export interface RotationLock {
  /** False when somebody has taken the lock from us (not possible with a lock that the kernel holds). */
  stillOurs(): Promise<boolean>
  /** Asked when the send is written down: false = this process was held up, and somebody else may have the lock by now. */
  isCertain?(): boolean
  release(): Promise<void>
}

export interface RotationOptions<Room extends Reserved> {
  readonly store: RotationStore<Room>
  readonly intents: Intents
  readonly endpoint: Pick<TokenEndpoint, 'refresh'>
  readonly clock?: Clock
  readonly backoff?: BackoffOptions
  readonly lockWaitMs?: number
  /** Something odd that did not stop the refresh, in one plain sentence. */
  readonly onWarning?: (message: string) => void
}

/** Longer than the longest token request: the other holder's result is seen, or the holder is known to be stuck. */
const LOCK_WAIT_MS = 31 * SECOND
/** How often the file is read again while somebody else holds the lock. */
const REREAD_MS = 250

/** A result that could not be stored. Its lock is kept, so that nobody spends the token that it replaced. */
interface Unsaved<Room> {
  readonly lock: RotationLock
  readonly spent: Generation
  readonly next: Generation
  prepared: Room
}

/**
 * The one way in which a refresh token is spent: lock, read again, adopt what
 * changed, reserve room, write the intent, send, check the account, compare and
 * swap, unlock. Whatever crashes where, no token is spent twice without the second
 * send being counted, and no result is thrown away.
 */
export class Rotation<Room extends Reserved> {
  readonly #store: RotationStore<Room>
  readonly #intents: Intents
  readonly #endpoint: RotationOptions<Room>['endpoint']
  readonly #clock: Clock
  readonly #backoff: BackoffOptions
  readonly #lockWaitMs: number
  readonly #warn: (message: string) => void
  #unsaved: Unsaved<Room> | null = null

  constructor(options: RotationOptions<Room>) {
    this.#store = options.store
    this.#intents = options.intents
    this.#endpoint = options.endpoint
    this.#clock = options.clock ?? systemClock
    this.#backoff = options.backoff ?? REFRESH_BACKOFF
    this.#lockWaitMs = options.lockWaitMs ?? LOCK_WAIT_MS
    this.#warn = options.onWarning ?? (() => {})
  }

  /** As `RefreshableSignIn.refresh`. */
  async refresh(
    spent: Generation,
    signal: AbortSignal,
    { mayRepeat = true }: RepeatPolicy = {},
  ): Promise<RefreshOutcome> {
    if (this.#unsaved && !(await this.saveUnsaved())) {
      const { next } = this.#unsaved
      if (stillHolds({ kind: 'present', generation: next }, spent)) {
        return { kind: 'store', message: 'the sign-in in use is not saved yet' }
      }
      return { kind: 'unsaved', generation: next, message: 'the new sign-in is not saved yet' }
    }
    try {
      const lock = await this.#lockOrAdopt(spent, signal)
      if (!('release' in lock)) return lock
      try {
        return await this.#refreshLocked(spent, lock, mayRepeat)
      } finally {
        if (this.#unsaved?.lock !== lock) await lock.release()
      }
    } catch (error) {
      if (signal.aborted) return { kind: 'busy' }
      return { kind: 'store', message: messageOf(error) }
    }
  }

  /** As `RefreshableSignIn.saveUnsaved`; also true when there is nothing (more) to save. */
  async saveUnsaved(): Promise<boolean> {
    const unsaved = this.#unsaved
    if (!unsaved) return true
    try {
      // Whatever good is stored instead came from a person's new sign-in: ours has been superseded.
      await this.#replace(unsaved.prepared, unsaved.spent, unsaved.next)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') await this.#prepareAgain(unsaved)
      return false
    }
    await this.#intents.clear()
    await unsaved.prepared.discard()
    await unsaved.lock.release()
    this.#unsaved = null
    return true
  }

  /** Waits for the lock; somebody else's result that appears in the meantime is as good as having had it. */
  async #lockOrAdopt(spent: Generation, signal: AbortSignal): Promise<RotationLock | RefreshOutcome> {
    // Other processes live in real time, whatever clock a test has set here.
    const giveUpAt = systemClock.monotonic() + this.#lockWaitMs
    for (;;) {
      const lock = await this.#store.lock(Math.min(REREAD_MS, this.#lockWaitMs), signal)
      if (lock) return lock
      const stored = await this.#store.read()
      if (!stillHolds(stored, spent)) return changedTo(stored)
      if (systemClock.monotonic() >= giveUpAt) return { kind: 'busy' }
    }
  }

  async #refreshLocked(spent: Generation, lock: RotationLock, mayRepeat: boolean): Promise<RefreshOutcome> {
    let stored = await this.#store.read()
    if (!stillHolds(stored, spent)) return changedTo(stored)
    if (!spent.refreshToken) {
      return { kind: 'terminal', reason: 'unrenewable', message: 'this sign-in has no refresh token' }
    }
    const known = await this.#intents.of(spent.refreshToken.fingerprint)
    if (known?.outcome === 'dead') return deadForGood(known)
    if (known?.outcome === 'open') {
      // The process that sent it died. Its answer may lie complete in a temporary file.
      await this.#store.recover(spent)
      stored = await this.#store.read()
      if (!stillHolds(stored, spent)) return changedTo(stored)
    }
    if (known) {
      if (!mayRepeat && isUncertain(known)) return unanswered()
      const restMs = restOf(known, this.#clock.now(), this.#backoff)
      if (restMs > 0) return resting(known, restMs)
    }
    const prepared = await this.#store.prepare(spent)
    try {
      return await this.#spend(spent, known, prepared, lock)
    } finally {
      if (this.#unsaved?.prepared !== prepared) await prepared.discard()
    }
  }

  async #spend(
    spent: Generation,
    known: Intent | null,
    prepared: Room,
    lock: RotationLock,
  ): Promise<RefreshOutcome> {
    const uncertain = known !== null && isUncertain(known)
    let intent: Intent = {
      spent: spent.refreshToken!.fingerprint,
      sends: known?.sends ?? 0,
      sentAt: known?.sentAt ?? 0,
      outcome: 'open',
      uncertain,
      reason: null,
      notBefore: null,
    }
    const countFirst = async () => {
      if (!(await lock.stillOurs())) return false
      const counted = { ...intent, sends: intent.sends + 1, sentAt: this.#clock.now() }
      await this.#intents.write(counted)
      intent = counted
      return lock.isCertain?.() ?? true
    }
    const { refreshToken, scopes, clientId } = spent
    const result = await this.#endpoint.refresh(refreshToken!, scopes, { beforeSend: countFirst, clientId })
    switch (result.kind) {
      case 'issued':
        return this.#saveIssued(spent, result.tokens, intent, prepared, lock)
      case 'dead':
        return this.#recordDeath(spent, result, intent)
      case 'stopped':
        // The lock was taken from us before the (next) request; those sent were refused unprocessed.
        if (uncertain) await this.#record({ ...intent, outcome: 'ambiguous' })
        else await this.#intents.clear()
        return { kind: 'busy' }
      case 'transient':
        return this.#postpone(result, intent)
    }
  }

  /** A pair was issued. From here on nothing may lose it. */
  async #saveIssued(
    spent: Generation,
    tokens: IssuedTokens,
    intent: Intent,
    prepared: Room,
    lock: RotationLock,
  ): Promise<RefreshOutcome> {
    if (spent.accountId !== null && tokens.accountId !== null && spent.accountId !== tokens.accountId) {
      const message = 'the renewed token belongs to another account and was refused'
      await this.#record({ ...intent, outcome: 'dead', reason: 'account' })
      return { kind: 'terminal', reason: 'account', message }
    }
    if (tokens.expiryAssumed) this.#warn('the token endpoint gave no usable expires_in; one hour is assumed')
    if (tokens.refreshTokenUnusable)
      this.#warn('the token endpoint gave a refresh token that cannot be used; the one before is kept')
    const next = nextGeneration(spent, tokens, this.#clock.now())
    let stored: 'saved' | StoredSignIn
    try {
      stored = await this.#replace(prepared, spent, next)
    } catch (error) {
      this.#unsaved = { lock, spent, next, prepared }
      return { kind: 'unsaved', generation: next, message: messageOf(error) }
    }
    await this.#intents.clear()
    if (stored !== 'saved') return { kind: 'superseded', stored }
    return { kind: 'renewed', generation: next }
  }

  /**
   * As the store's own `replace`, but a file that is broken just now (half written by
   * another program, damaged by an editor) is no new sign-in: it is not changed, and the
   * result waits for it to be whole again.
   */
  async #replace(prepared: Room, spent: Generation, next: Generation): Promise<'saved' | StoredSignIn> {
    const stored = await this.#store.replace(prepared, spent, next)
    if (stored !== 'saved' && stored.kind === 'unusable' && stored.reason === 'store') {
      throw new StoreError(stored.message)
    }
    return stored
  }

  async #recordDeath(
    spent: Generation,
    result: Extract<TokenResult, { kind: 'dead' }>,
    intent: Intent,
  ): Promise<RefreshOutcome> {
    // A sibling may have rotated between our reading and our asking.
    const stored = await this.#store.read()
    if (!stillHolds(stored, spent)) return changedTo(stored)
    const lost = intent.uncertain && result.reason === 'revoked'
    const reason = lost ? 'lost-in-rotation' : result.reason
    await this.#record({ ...intent, outcome: 'dead', reason })
    const message = lost
      ? 'the sign-in was renewed once, and the answer was lost before it could be stored'
      : result.message
    return { kind: 'terminal', reason, message }
  }

  async #postpone(
    result: Extract<TokenResult, { kind: 'transient' }>,
    intent: Intent,
  ): Promise<RefreshOutcome> {
    const { reason, message, retryAfterMs } = result
    const ambiguous = result.ambiguous || intent.uncertain
    const notBefore = retryAfterMs === null ? null : this.#clock.now() + retryAfterMs
    if (ambiguous) await this.#record({ ...intent, outcome: 'ambiguous', uncertain: true, reason, notBefore })
    else if (notBefore !== null) await this.#record({ ...intent, outcome: 'waiting', reason, notBefore })
    else await this.#intents.clear()
    return { kind: 'transient', reason, message, retryAfterMs, ambiguous }
  }

  /** Writes an outcome in. When the disk rejects it the open intent stands, which says the worst already. */
  async #record(intent: Intent): Promise<void> {
    await this.#intents.write(intent).catch((error: unknown) => {
      this.#warn(`the outcome of a renewal could not be written down: ${messageOf(error)}`)
    })
  }

  async #prepareAgain(unsaved: Unsaved<Room>): Promise<void> {
    try {
      const prepared = await this.#store.prepare(unsaved.spent)
      await unsaved.prepared.discard()
      unsaved.prepared = prepared
    } catch {
      // Still no room; the next try asks again.
    }
  }
}

/** Names the temporary file of a refresh by the token that it spends. */
export function refreshTag(spent: Generation): string {
  return `renewal-of-${spent.refreshToken?.fingerprint ?? 'none'}`
}

function changedTo(stored: StoredSignIn): RefreshOutcome {
  return stored.kind === 'present'
    ? { kind: 'adopted', generation: stored.generation }
    : { kind: 'superseded', stored }
}

/** May an earlier request with this token have been carried out? */
function isUncertain({ uncertain, outcome }: Intent): boolean {
  return uncertain || outcome === 'open' || outcome === 'ambiguous'
}

function unanswered(): RefreshOutcome {
  return {
    kind: 'transient',
    reason: 'network',
    message: 'an earlier refresh has not ended with an answer yet',
    retryAfterMs: null,
    ambiguous: true,
  }
}

function deadForGood(intent: Intent): RefreshOutcome {
  return { kind: 'terminal', reason: intent.reason ?? 'revoked', message: 'the sign-in is no longer valid' }
}

function resting(intent: Intent, retryAfterMs: number): RefreshOutcome {
  return {
    kind: 'transient',
    reason: intent.reason ?? 'network',
    message: 'the last try is too recent',
    retryAfterMs,
    ambiguous: intent.outcome !== 'waiting',
  }
}
