import { unlink } from 'node:fs/promises'
import { backoffDelay, type BackoffOptions } from '../../support/backoff.ts'
import type { CredentialReason } from '../../support/errors.ts'
import {
  findLeftovers,
  parseObject,
  readPrivateFile,
  writeFileAtomically,
} from '../../support/files/private-file.ts'
import { MAX_RETRY_AFTER_MS, REFRESH_BACKOFF } from '../keeper/refresh-policy.ts'

/**
 * What is durably known about the spending of one refresh token. It is written
 * before a request leaves, so that no crash can hide that the token may be rotated.
 * Holds fingerprints, never tokens.
 */
export interface Intent {
  /** The fingerprint of the refresh token. */
  readonly spent: string
  /** How many requests may have left with it; counted before each leaves. */
  readonly sends: number
  /** Epoch milliseconds of the last one. */
  readonly sentAt: number
  /**
   * `open`: a request was under way when this was written. `ambiguous`: the server
   * may have rotated it. `dead`: an answer proved it dead; it is never sent again.
   * `waiting`: the server asked to wait and has not touched it.
   */
  readonly outcome: 'open' | 'ambiguous' | 'dead' | 'waiting'
  /** Did an earlier request with this token end without a definite answer? */
  readonly uncertain: boolean
  readonly reason: CredentialReason | null
  /** Epoch milliseconds before which the server wants no other request; null = none asked. */
  readonly notBefore: number | null
}

const UNKNOWN: Omit<Intent, 'spent'> = {
  sends: 1,
  sentAt: 0,
  outcome: 'open',
  uncertain: true,
  reason: null,
  notBefore: null,
}

/** Where the one intent of a sign-in is kept. Read and written only under the store's refresh lock. */
export interface Intents {
  /**
   * What is known about the refresh token with this fingerprint; null = never sent.
   * A damaged record counts as the worst that it may have said and need not end everything.
   *
   * @throws when the record cannot be read: then nothing may be sent
   */
  of(spent: string): Promise<Intent | null>
  /** Makes `intent` durable before it returns. @throws when the store rejects it */
  write(intent: Intent): Promise<void>
  /** Forgets. A failure is harmless: an intent of another fingerprint than the stored one means nothing. */
  clear(): Promise<void>
}

/** The intent next to a sign-in file. */
export class IntentFile implements Intents {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  async of(spent: string): Promise<Intent | null> {
    const file = await readPrivateFile(this.#path)
    if (file.kind === 'absent') return null
    if (file.kind === 'refused') throw new Error(file.message)
    const parsed = parseObject(file.text)
    if (parsed.kind === 'broken') return { ...UNKNOWN, spent }
    const { intent } = parsed.value as { intent?: Intent }
    return intent?.spent === spent ? intent : null
  }

  /** @throws NodeJS.ErrnoException */
  async write(intent: Intent): Promise<void> {
    await writeFileAtomically(this.#path, `${JSON.stringify({ version: 1, intent }, null, 2)}\n`)
  }

  /** Removes the temporary files of dead writers; the refresh lock is held. */
  async tidy(): Promise<void> {
    for (const leftover of await findLeftovers(this.#path)) await unlink(leftover).catch(() => {})
  }

  async clear(): Promise<void> {
    await unlink(this.#path).catch(() => {})
  }
}

/**
 * The intents of one home, with the deaths that all homes on one sign-in share: what an answer proved dead
 * for one of them is not sent by the next. Only the fingerprint of a refresh token is written, next to the
 * sign-in that they all read, and under the lock that they all take.
 */
export class SharedDeaths implements Intents {
  readonly #own: Intents
  readonly #shared: Intents

  constructor(own: Intents, shared: Intents) {
    this.#own = own
    this.#shared = shared
  }

  async of(spent: string): Promise<Intent | null> {
    const own = await this.#own.of(spent)
    if (own?.outcome === 'dead') return own
    // A folder that cannot be read costs one request, and no sign-in.
    const shared = await this.#shared.of(spent).catch(() => null)
    return shared?.outcome === 'dead' ? shared : own
  }

  async write(intent: Intent): Promise<void> {
    await this.#own.write(intent)
    if (intent.outcome === 'dead') await this.#shared.write(intent).catch(() => undefined)
  }

  async clear(): Promise<void> {
    await this.#own.clear()
    await this.#shared.clear()
  }
}

/**
 * How long the token of this intent must rest before it may be sent again, in
 * milliseconds; 0 = it may be sent now. One send a back-off step, whichever process holds the
 * lock: so several processes together send no more than one.
 */
export function restOf(intent: Intent, now: number, backoff: BackoffOptions = REFRESH_BACKOFF): number {
  // As long as the longest `Retry-After` that is obeyed, whatever the clock did in the meantime.
  if (intent.notBefore !== null) return Math.max(0, Math.min(intent.notBefore - now, MAX_RETRY_AFTER_MS))
  if (intent.outcome === 'waiting') return 0
  // The shortest delay that the jitter allows, so that nobody who waited its own turn is sent away.
  const delay = backoffDelay(Math.max(1, intent.sends), backoff, 0)
  const since = now - intent.sentAt
  // A clock that was set back must not make the token rest for a day.
  return since < 0 ? 0 : Math.max(0, delay - since)
}
