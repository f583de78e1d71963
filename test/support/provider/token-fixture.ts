import type { OwnContent } from '../../../src/credentials/own/own-document.ts'
import type {
  Generation,
  RefreshableSignIn,
  RefreshOutcome,
  StoredSignIn,
} from '../../../src/credentials/sign-in.ts'
import { HOUR, SECOND, sleep } from '../../../src/support/clock.ts'
import { Secret } from '../../../src/support/secret.ts'
import type { FakeClock } from '../fake-clock.ts'

const LIFE = 8 * HOUR
/** No token request takes longer. */
const ATTEMPT_MS = 28 * SECOND

/** How the token endpoint takes the next requests. */
export type EndpointMood = 'well' | 'unreachable' | 'fails' | 'rotates-and-fails' | 'rotates-and-hangs'

interface Family {
  revoked: boolean
  /** The only refresh token that is good. */
  current: string
}

interface Access {
  readonly family: Family
  /** On the monotonic clock, which is the provider's. */
  readonly end: number
  revoked: boolean
}

/**
 * A provider with single-use refresh tokens and family revocation, a store, and the oracle: it knows what
 * each token is worth and what the gateway was told, and notes every breach of a promise.
 */
export class TokenFixture implements RefreshableSignIn {
  readonly clock: FakeClock
  readonly breaches: string[] = []
  mood: EndpointMood = 'well'
  /** The Messages API rejects everybody. */
  rejectsAll = false
  stored: StoredSignIn = { kind: 'absent' }
  sends = 0
  readonly #families = new Map<string, Family>()
  readonly #access = new Map<string, Access>()
  /** Refresh tokens that a definite answer proved dead or rotated. */
  readonly #proven = new Set<string>()
  /** Refresh tokens whose last answer was ambiguous, with the access token of their generation. */
  readonly #ambiguous = new Map<string, { access: string; at: number; wallAt: number }>()
  readonly #toldRejected = new Set<string>()
  /** The same, without the allowance for requests of the same moment. */
  readonly #rejected = new Set<string>()
  readonly #listeners = new Set<() => void>()
  #count = 0
  /** The process that began an unfinished refresh has died: its answer reaches nobody. */
  #epoch = 0
  readonly #wallStart: number
  readonly #monotonicStart: number
  /** By how much the wall clock was ahead when a process started, at the most. */
  #startedAhead = 0

  constructor(clock: FakeClock) {
    this.clock = clock
    this.#wallStart = clock.now()
    this.#monotonicStart = clock.monotonic()
  }

  // ── What people and other programs do ───────────────────────────────────

  signIn(): void {
    const number = ++this.#count
    const family: Family = { revoked: false, current: '' }
    this.#put(this.#issue(family, number))
  }

  logout(): void {
    this.stored = { kind: 'absent' }
    this.#changed()
  }

  /** Another process refreshes under the lock, properly. */
  foreignRotation(): void {
    if (this.stored.kind !== 'present' || this.mood !== 'well') return
    const { refreshToken } = this.stored.generation
    const token = refreshToken!.reveal()
    const family = this.#families.get(token)
    // It obeys the same intent: an uncertain token is not spent by two.
    if (!family || family.revoked || family.current !== token || this.#ambiguous.has(token)) return
    this.#proven.add(token)
    this.#put(this.#issue(family, ++this.#count))
  }

  revokeAccess(): void {
    for (const access of this.#access.values()) access.revoked = true
  }

  revokeFamilies(): void {
    for (const family of this.#families.values()) family.revoked = true
  }

  crash(): void {
    this.#epoch++
  }

  /** A process starts, and has only the wall clock to tell how old a token is. */
  processStarts(): void {
    const ahead = this.clock.now() - this.#wallStart - (this.clock.monotonic() - this.#monotonicStart)
    this.#startedAhead = Math.max(this.#startedAhead, ahead)
  }

  // ── The Messages API ────────────────────────────────────────────────────

  /** One request with `secret`. @returns accepted or not */
  request(secret: Secret): boolean {
    const token = secret.reveal()
    if (this.#toldRejected.has(token)) this.breaches.push('a request with a token that was rejected before')
    const access = this.#access.get(token)
    const accepted =
      !this.rejectsAll &&
      access !== undefined &&
      !access.revoked &&
      !access.family.revoked &&
      this.clock.monotonic() < access.end
    // Requests of the same moment had their token before the first of them was answered.
    if (!accepted) {
      this.#rejected.add(token)
      setImmediate(() => this.#toldRejected.add(token))
    }
    return accepted
  }

  /** A probe is the one request that a rejected token may make. */
  probe(secret: Secret): boolean {
    this.#toldRejected.delete(secret.reveal())
    this.#rejected.delete(secret.reveal())
    return this.request(secret)
  }

  // ── The store ───────────────────────────────────────────────────────────

  async read(): Promise<StoredSignIn> {
    return this.stored
  }

  async current(): Promise<OwnContent> {
    const { stored } = this
    if (stored.kind !== 'present') return stored
    return { kind: 'oauth', id: 'fixture', signedInAt: 0, generation: stored.generation }
  }

  async refresh(spent: Generation): Promise<RefreshOutcome> {
    if (this.stored.kind !== 'present') return { kind: 'superseded', stored: this.stored }
    if (!this.stored.generation.accessToken.equals(spent.accessToken)) {
      return { kind: 'adopted', generation: this.stored.generation }
    }
    if (this.mood === 'unreachable') return failure(false)
    const token = spent.refreshToken!.reveal()
    this.#judgeSend(token, spent)
    this.sends++
    const family = this.#families.get(token)!
    if (this.mood === 'fails') return this.#uncertain(token, spent)
    if (family.current !== token) family.revoked = true
    if (family.revoked) {
      this.#proven.add(token)
      return { kind: 'terminal', reason: 'revoked', message: 'invalid_grant' }
    }
    const next = this.#issue(family, ++this.#count)
    if (this.mood === 'rotates-and-fails') return this.#uncertain(token, spent)
    if (this.mood === 'rotates-and-hangs') {
      const epoch = this.#epoch
      this.#uncertain(token, spent)
      // The answer comes when the endpoint is well again, unless nobody is left to hear it.
      const giveUpAt = this.clock.monotonic() + ATTEMPT_MS
      while (this.mood === 'rotates-and-hangs' && this.#epoch === epoch) {
        if (this.clock.monotonic() >= giveUpAt) return failure(true)
        await sleep(this.clock, SECOND)
      }
      if (this.#epoch !== epoch) return new Promise(() => {})
    }
    this.#ambiguous.delete(token)
    this.#proven.add(token)
    if (this.stored.kind !== 'present' || !this.stored.generation.accessToken.equals(spent.accessToken)) {
      return { kind: 'superseded', stored: this.stored }
    }
    this.#put(next)
    return { kind: 'renewed', generation: next }
  }

  async saveUnsaved(): Promise<boolean> {
    return true
  }

  watch(listener: () => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  #judgeSend(token: string, spent: Generation): void {
    if (this.#proven.has(token)) this.breaches.push('a refresh token was sent after it was proven dead')
    const before = this.#ambiguous.get(token)
    if (before === undefined) return
    const now = this.clock.monotonic()
    // A clock that was set ahead, or a suspend, makes a pause look over: once, and allowed.
    const wall = this.clock.now() - before.wallAt
    if (now - before.at < 3_900 && wall >= 0 && wall < 3_900)
      this.breaches.push('an uncertain refresh token was sent without a pause')
    // Who started by a clock that was ahead takes the token for older than it is.
    const end = this.#access.get(before.access)!.end - this.#startedAhead
    const lives = spent.expiresAt! > this.clock.now() && now < end
    if (lives && !this.#rejected.has(before.access)) {
      this.breaches.push('an uncertain refresh token was sent while the access token lived')
    }
  }

  #uncertain(token: string, spent: Generation): RefreshOutcome {
    this.#ambiguous.set(token, {
      access: spent.accessToken.reveal(),
      at: this.clock.monotonic(),
      wallAt: this.clock.now(),
    })
    return failure(true)
  }

  #issue(family: Family, number: number): Generation {
    const access = `sk-ant-oat01-TEST-${number}`
    const refresh = `sk-ant-ort01-TEST-${number}`
    const now = this.clock.now()
    family.current = refresh
    this.#families.set(refresh, family)
    this.#access.set(access, { family, end: this.clock.monotonic() + LIFE, revoked: false })
    return {
      accessToken: new Secret(access),
      refreshToken: new Secret(refresh),
      issuedAt: now,
      expiresAt: now + LIFE,
      loginExpiresAt: null,
      loginExpiryEstimated: false,
      scopes: [],
      accountId: 'account-1',
      accountEmail: null,
    }
  }

  #put(generation: Generation): void {
    this.stored = { kind: 'present', generation }
    this.#changed()
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}

function failure(ambiguous: boolean): RefreshOutcome {
  return { kind: 'transient', reason: 'network', message: 'no answer', retryAfterMs: null, ambiguous }
}
