import { restOf, type Intent } from '../../../src/credentials/rotation/intent.ts'
import { Rotation, type RotationStore } from '../../../src/credentials/rotation/rotation.ts'
import {
  stillHoldsRefreshToken,
  type Generation,
  type StoredSignIn,
} from '../../../src/credentials/sign-in.ts'
import type { IssuedTokens, TokenResult } from '../../../src/oauth/token-endpoint.ts'
import { HOUR, SECOND } from '../../../src/support/clock.ts'
import type { PreparedFile } from '../../../src/support/files/private-file.ts'
import { Secret } from '../../../src/support/secret.ts'
import { FakeClock } from '../fake-clock.ts'

/**
 * Random histories of several processes on one sign-in, against a server whose
 * refresh tokens are good once. Everything is in memory, so that a process can die
 * at each step; what is "on disk" outlives it, as a kernel lock does not.
 */
export const PROCESSES = 2

/** What becomes of one refresh. `during`: what a person does while the request is under way. */
export type Fate =
  | 'answered'
  | 'answer-lost'
  | 'request-lost'
  | 'refused-unprocessed'
  | 'rate-limited'
  | 'other-account'
  | 'disk-full-after'
  | 'dies-before-the-request'
  | 'dies-after-the-server-rotated'
  | 'dies-before-the-write'
export type Step =
  | { kind: 'refresh'; process: number; fate: Fate; during: 'nothing' | 'sign-in' | 'logout' }
  | { kind: 'save'; process: number }
  | { kind: 'wait'; ms: number }
  | { kind: 'sign-in' | 'logout' | 'foreign-rotation' }

class Died extends Error {}

export class RotationFixture {
  readonly clock = new FakeClock()
  stored: StoredSignIn = { kind: 'absent' }
  intent: Intent | null = null
  lockedBy: number | null = null
  full = false
  fate: Fate = 'answered'
  during: () => void = () => {}
  /** The one refresh token that the server takes. */
  #live: string | null = null
  #serial = 0
  /** Refresh tokens that an answer, which reached a process that lived on, proved dead. */
  readonly provenDead = new Set<string>()
  /** Rules that did not hold. */
  readonly broken: string[] = []
  readonly #unanswered = new Map<string, number>()
  rotations: Rotation<PreparedFile>[] = Array.from({ length: PROCESSES }, (_, process) =>
    this.#start(process),
  )

  /** A new process takes the dead one's place: the lock is free, memory is gone, the disk stays. */
  restart(process: number): void {
    if (this.lockedBy === process) this.lockedBy = null
    this.rotations[process] = this.#start(process)
  }

  person(what: 'sign-in' | 'logout'): void {
    this.stored = what === 'logout' ? { kind: 'absent' } : { kind: 'present', generation: this.#issue() }
  }

  /** Another program spends the stored token and stores the result, under the same lock. */
  rotateAbroad(): void {
    if (this.lockedBy !== null || this.stored.kind !== 'present') return
    const { refreshToken } = this.stored.generation
    if (refreshToken!.reveal() !== this.#live) return
    this.stored = { kind: 'present', generation: this.#issue() }
  }

  holds({ accessToken }: Generation): boolean {
    return this.stored.kind === 'present' && this.stored.generation.accessToken.equals(accessToken)
  }

  isLive(generation: Generation): boolean {
    return generation.refreshToken!.reveal() === this.#live
  }

  #issue(): Generation {
    const serial = ++this.#serial
    this.#live = `refresh-TEST-${serial}`
    return {
      accessToken: new Secret(`access-TEST-${serial}`),
      refreshToken: new Secret(this.#live),
      expiresAt: this.clock.now() + HOUR,
      issuedAt: this.clock.now(),
      loginExpiresAt: null,
      loginExpiryEstimated: false,
      scopes: [],
      accountId: 'account',
      accountEmail: null,
    }
  }

  /** The server's side of one request. */
  #spend(token: string): IssuedTokens | 'invalid_grant' {
    if (token !== this.#live) {
      // A repeated token revokes the family.
      this.#live = null
      return 'invalid_grant'
    }
    const { accessToken, refreshToken } = this.#issue()
    return {
      accessToken,
      refreshToken,
      expiresInMs: HOUR,
      expiryAssumed: false,
      loginExpiresInMs: null,
      scopes: null,
      accountId: this.fate === 'other-account' ? 'stranger' : 'account',
      accountEmail: null,
      organizationId: null,
    }
  }

  /** Noted, not thrown: what is thrown inside a refresh is a failure of the disk to it. */
  #rule(holds: boolean, broken: string): void {
    if (!holds) this.broken.push(broken)
  }

  /** The rules for a request that leaves. */
  #mayLeave(token: Secret): void {
    const value = token.reveal()
    this.#rule(!this.provenDead.has(value), 'a token is sent that was proven dead')
    const sends = (this.#unanswered.get(value) ?? 0) + 1
    const { intent } = this
    this.#rule(
      intent?.spent === token.fingerprint && intent.outcome === 'open',
      'a request leaves without its intent',
    )
    this.#rule((intent?.sends ?? 0) >= sends, 'a request leaves uncounted')
    this.#unanswered.set(value, sends)
  }

  async #request(process: number, token: Secret, beforeSend: () => Promise<boolean>): Promise<TokenResult> {
    const value = token.reveal()
    const before = this.intent
    if (this.fate === 'dies-before-the-request') throw new Died()
    this.#rule((await beforeSend()) && this.lockedBy === process, 'a token is sent without the lock')
    const repeated =
      before?.spent === token.fingerprint && (before.outcome === 'open' || before.outcome === 'ambiguous')
    if (repeated) this.#rule(restOf(before, this.clock.now()) === 0, 'sent twice within a step')
    this.#mayLeave(token)
    this.during()
    const definite = () => {
      this.#unanswered.delete(value)
      this.provenDead.add(value)
    }
    switch (this.fate) {
      case 'request-lost':
        return { kind: 'transient', reason: 'network', message: '', retryAfterMs: null, ambiguous: true }
      case 'answer-lost':
        this.#spend(value)
        return { kind: 'transient', reason: 'network', message: '', retryAfterMs: null, ambiguous: true }
      case 'refused-unprocessed':
        this.#unanswered.set(value, this.#unanswered.get(value)! - 1)
        return { kind: 'transient', reason: 'endpoint', message: '', retryAfterMs: null, ambiguous: false }
      case 'rate-limited':
        this.#unanswered.set(value, this.#unanswered.get(value)! - 1)
        return {
          kind: 'transient',
          reason: 'rate-limited',
          message: '',
          retryAfterMs: 20 * SECOND,
          ambiguous: false,
        }
    }
    const answer = this.#spend(value)
    if (this.fate === 'dies-after-the-server-rotated') throw new Died()
    if (answer === 'invalid_grant') {
      definite()
      return { kind: 'dead', reason: 'revoked', message: '' }
    }
    // What dies with its process proves nothing to the next one; its lock keeps others away until then.
    if (this.fate !== 'dies-before-the-write' && this.fate !== 'disk-full-after') definite()
    if (this.fate === 'disk-full-after') this.full = true
    return { kind: 'issued', tokens: answer }
  }

  #start(process: number): Rotation<PreparedFile> {
    const write = async (intent: Intent) => {
      if (this.full) throw new Error('ENOSPC')
      this.intent = intent
    }
    const prepared = {
      temporaryPath: '',
      commit: async () => {},
      discard: async () => {},
    } satisfies PreparedFile
    const store: RotationStore<PreparedFile> = {
      read: async () => this.stored,
      lock: async () => {
        if (this.lockedBy !== null) return null
        this.lockedBy = process
        return {
          stillOurs: async () => true,
          release: async () => {
            if (this.lockedBy === process) this.lockedBy = null
          },
        }
      },
      prepare: async () => {
        if (this.full) throw new Error('ENOSPC')
        return prepared
      },
      replace: async (_prepared, spent, next) => {
        if (this.fate === 'dies-before-the-write') throw new Died()
        if (!stillHoldsRefreshToken(this.stored, spent)) return this.stored
        if (this.full) throw new Error('ENOSPC')
        this.stored = { kind: 'present', generation: next }
        return 'saved'
      },
      recover: async () => {},
    }
    return new Rotation({
      store,
      intents: {
        of: async (spent) => (this.intent?.spent === spent ? this.intent : null),
        write,
        // Removing a file needs no room.
        clear: async () => void (this.intent = null),
      },
      endpoint: { refresh: (token, _scopes, options) => this.#request(process, token, options!.beforeSend!) },
      clock: this.clock,
      lockWaitMs: 0,
    })
  }
}
