import { randomBytes, randomUUID } from 'node:crypto'
import { DAY, SECOND, type Clock } from '../../support/clock.ts'
import { remember } from '../../support/remember.ts'
import { fingerprint } from '../../support/secret.ts'
import { SANDBOX_MARK } from '../../support/text/token-shape.ts'
import type { SignInOptions } from '../types.ts'

/** One sign-in: every pair that was ever issued for it lives and dies together. */
export interface Family {
  readonly accountId: string
  readonly email: string
  readonly organizationId: string
  readonly scopes: readonly string[]
  readonly lifetimeMs: number
  /** Epoch milliseconds; refreshing does not move it. */
  readonly endsAt: number
  revoked: boolean
}

export interface AccessRecord {
  readonly family: Family
  readonly fingerprint: string
  expiresAt: number
  revoked: boolean
}

interface RefreshRecord {
  readonly family: Family
  /** The access token that was issued with it. */
  readonly access: AccessRecord
  spent: boolean
}

/** A pair that was just issued. */
export interface IssuedPair {
  readonly family: Family
  readonly accessToken: string
  readonly refreshToken: string | null
  readonly access: AccessRecord
}

export type RefreshOutcome =
  | { readonly kind: 'issued'; readonly pair: IssuedPair }
  | { readonly kind: 'unknown' | 'expired' | 'revoked' }
  /** A spent token was presented again; its family is now revoked. */
  | { readonly kind: 'replayed'; readonly family: Family }

export type AccessCheck =
  | { readonly kind: 'live'; readonly record: AccessRecord }
  | { readonly kind: 'expired' | 'revoked'; readonly record: AccessRecord }
  | { readonly kind: 'unknown' }

export interface AuthorityOptions {
  readonly clock: Clock
  readonly marked: boolean
  readonly tokenLifetimeMs: number
  readonly signInLifetimeMs: number
  readonly revokeAccessOnRotation: boolean
}

const DEFAULT_SCOPES: readonly string[] = ['user:profile', 'user:inference']
export const DEFAULT_ACCOUNT = {
  accountId: '5a11d0c5-0000-4000-8000-000000000001',
  email: 'operator@sandbox.example',
} as const
const ORGANIZATION = '0a9a1e00-0000-4000-8000-000000000001'

/** Setup tokens are valid for a year. */
const SETUP_TOKEN_LIFE_MS = 365 * DAY
/** Records beyond this are forgotten, oldest first: far more than any run needs, and still only some megabytes. */
const KEPT_RECORDS = 50_000

/**
 * Issues and checks tokens. Refresh tokens are single-use; one that is presented a second time revokes its
 * whole family, including the live access token.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2
 */
export class Authority {
  readonly #options: AuthorityOptions
  readonly #word: string
  readonly #access = new Map<string, AccessRecord>()
  readonly #refresh = new Map<string, RefreshRecord>()
  readonly #apiKeys = new Map<string, { readonly fingerprint: string; revoked: boolean }>()

  constructor(options: AuthorityOptions) {
    this.#options = options
    this.#word = options.marked ? SANDBOX_MARK : 'TEST'
  }

  signIn(options: SignInOptions = {}): IssuedPair & { readonly refreshToken: string } {
    const family = this.#newFamily(options, this.#options.signInLifetimeMs)
    return this.#issue(family)
  }

  /** An access token for inference alone, without a refresh token: what a federated workload gets. */
  inferenceToken(lifetimeMs = this.#options.tokenLifetimeMs): IssuedPair {
    const options = { scopes: ['user:inference'], tokenLifetimeSeconds: lifetimeMs / SECOND }
    return this.#issueAccess(this.#newFamily(options, lifetimeMs))
  }

  setupToken(): string {
    return this.inferenceToken(SETUP_TOKEN_LIFE_MS).accessToken
  }

  apiKey(): string {
    const key = this.#token('api03')
    this.#apiKeys.set(key, { fingerprint: fingerprint(key), revoked: false })
    return key
  }

  /** @param rotate false: a new access token only, and the refresh token stays valid */
  refresh(token: string, rotate = true): RefreshOutcome {
    const record = this.#refresh.get(token)
    if (!record) return { kind: 'unknown' }
    if (record.family.revoked) return { kind: 'revoked' }
    if (record.spent) {
      this.revokeFamily(record.family)
      return { kind: 'replayed', family: record.family }
    }
    if (this.#options.clock.now() >= record.family.endsAt) return { kind: 'expired' }
    if (!rotate) return { kind: 'issued', pair: this.#issueAccess(record.family) }
    record.spent = true
    if (this.#options.revokeAccessOnRotation) record.access.revoked = true
    return { kind: 'issued', pair: this.#issue(record.family) }
  }

  /** A pair for another account, as a confused server would hand it out. */
  issueForStranger(like: Family): IssuedPair {
    return this.signIn({
      accountId: randomUUID(),
      email: 'stranger@sandbox.example',
      scopes: like.scopes,
      tokenLifetimeSeconds: like.lifetimeMs / SECOND,
    })
  }

  check(token: string): AccessCheck {
    const record = this.#access.get(token)
    if (!record) return { kind: 'unknown' }
    if (record.revoked || record.family.revoked) return { kind: 'revoked', record }
    if (this.#options.clock.now() >= record.expiresAt) return { kind: 'expired', record }
    return { kind: 'live', record }
  }

  checkApiKey(key: string): { readonly fingerprint: string; readonly live: boolean } | null {
    const record = this.#apiKeys.get(key)
    return record ? { fingerprint: record.fingerprint, live: !record.revoked } : null
  }

  /** Expires the live access tokens; returns how many there were. */
  expire(): number {
    return this.#endAccess((record, now) => void (record.expiresAt = now))
  }

  /** Revokes the live access tokens; returns how many there were. */
  revokeAccess(): number {
    return this.#endAccess((record) => void (record.revoked = true))
  }

  /** Revokes the sign-ins of one account, or all; returns how many families there were. */
  revoke(accountId?: string): number {
    const families = new Set<Family>()
    for (const { family } of this.#refresh.values()) families.add(family)
    for (const { family } of this.#access.values()) families.add(family)
    let ended = 0
    for (const family of families) {
      if (family.revoked || (accountId !== undefined && family.accountId !== accountId)) continue
      this.revokeFamily(family)
      ended++
    }
    return ended
  }

  revokeFamily(family: Family): void {
    family.revoked = true
  }

  revokeApiKeys(): number {
    const live = [...this.#apiKeys.values()].filter((record) => !record.revoked)
    for (const record of live) record.revoked = true
    return live.length
  }

  get liveAccessTokens(): number {
    return this.#endAccess(() => {})
  }

  #endAccess(end: (record: AccessRecord, now: number) => void): number {
    const now = this.#options.clock.now()
    let count = 0
    for (const record of this.#access.values()) {
      if (record.revoked || record.family.revoked || record.expiresAt <= now) continue
      end(record, now)
      count++
    }
    return count
  }

  #newFamily(options: SignInOptions, signInLifetimeMs: number): Family {
    const seconds = options.refreshTokenLifetimeSeconds
    return {
      accountId: options.accountId ?? DEFAULT_ACCOUNT.accountId,
      email: options.email ?? DEFAULT_ACCOUNT.email,
      organizationId: ORGANIZATION,
      scopes: options.scopes ?? DEFAULT_SCOPES,
      lifetimeMs: (options.tokenLifetimeSeconds ?? this.#options.tokenLifetimeMs / SECOND) * SECOND,
      endsAt: this.#options.clock.now() + (seconds === undefined ? signInLifetimeMs : seconds * SECOND),
      revoked: false,
    }
  }

  #issue(family: Family): IssuedPair & { readonly refreshToken: string } {
    const pair = this.#issueAccess(family)
    const refreshToken = this.#token('ort01')
    remember(this.#refresh, refreshToken, { family, access: pair.access, spent: false }, KEPT_RECORDS)
    return { ...pair, refreshToken }
  }

  #issueAccess(family: Family): IssuedPair {
    const accessToken = this.#token('oat01')
    const expiresAt = this.#options.clock.now() + family.lifetimeMs
    const access = { family, fingerprint: fingerprint(accessToken), expiresAt, revoked: false }
    remember(this.#access, accessToken, access, KEPT_RECORDS)
    return { family, accessToken, refreshToken: null, access }
  }

  #token(kind: 'oat01' | 'ort01' | 'api03'): string {
    return `sk-ant-${kind}-${this.#word}-${randomBytes(32).toString('base64url')}`
  }
}
