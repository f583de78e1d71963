import type { CredentialReason } from '../../support/errors.ts'
import { sameAccount, type CredentialKind, type ManagedCredential, type SourceName } from '../credential.ts'

/** What one place holds. A source with several places (variables) gives several, in order. */
export type SourceReading = {
  readonly source: SourceName
  /** The place, for people: a variable's name or a path. */
  readonly place: string
} & (
  | { readonly kind: 'absent'; readonly message: string }
  | { readonly kind: 'present'; readonly credential: ManagedCredential }
  /** Something is there that must not be used. */
  | {
      readonly kind: 'unusable'
      readonly credentialKind: CredentialKind | null
      readonly reason: CredentialReason
      readonly message: string
      /** A person has to change a setting; no sign-in fixes it. */
      readonly misconfigured: boolean
      /** May a later source be used instead? Not where a person's explicit choice is broken. */
      readonly chainGoesOn: boolean
    }
)

/** A place where a credential may come from. */
export interface CredentialSource {
  readonly name: SourceName
  /** Reads what is there now. Makes no request and runs no program. Never rejects. */
  read(): Promise<readonly SourceReading[]>
  /** Calls `listener` within 5 s after what `read` gives may have changed. */
  watch(listener: () => void): Disposable
}

export const NOTHING_TO_WATCH: Disposable = { [Symbol.dispose]() {} }

/** Why a production gateway does not use a token that the simulated Anthropic issued. */
export const SANDBOX_TOKEN_REFUSED = 'is a token of the sandbox, which means nothing to the real service'

/** A source that is not configured, or must not be read. */
export function absentSource(source: SourceName, place: string, message: string): CredentialSource {
  return {
    name: source,
    read: async () => [{ source, place, kind: 'absent', message }],
    watch: () => NOTHING_TO_WATCH,
  }
}

export interface SourcePolicy {
  /** `auto`: only together with a configured OAuth token that has no refresh source. */
  readonly adoptClaudeCode: 'auto' | boolean
  readonly fallbackApiKey: boolean
}

/** What is known of a credential that a source offers. */
export interface Judge {
  /** False: rejected by the provider or ended, and nothing can refresh it. */
  isAlive(credential: ManagedCredential): boolean
  /** An earlier generation of what is in use now: it must never come back. */
  isSuperseded(fingerprint: string): boolean
}

export const ACCEPT_ALL: Judge = { isAlive: () => true, isSuperseded: () => false }

/** One line of `hermes auth sources`. */
export interface SourceReport {
  readonly source: SourceName
  readonly place: string
  readonly found: boolean
  readonly kind: CredentialKind | null
  readonly renewable: boolean
  readonly fingerprint: string | null
  readonly inUse: boolean
  /** Why it is in use or not, for people. */
  readonly reason: string
}

export interface Decision {
  /** The credential to use; null where none is alive. */
  readonly inUse: ManagedCredential | null
  /** The first one that is known to be dead, where nothing is in use: what a person must fix. */
  readonly dead: ManagedCredential | null
  /** Why there is nothing, where something is broken. */
  readonly trouble: {
    readonly reason: CredentialReason
    readonly message: string
    readonly misconfigured: boolean
  } | null
  /** Why Claude Code's sign-in, which the operator wants to be used, is not; null = it is, or nobody asked for it. */
  readonly claudeCodeMissing: string | null
  /** A source holds an earlier generation than the one in use now: a restored copy, or a write that is still to come. */
  readonly sawSuperseded: boolean
  /** ANTHROPIC_API_KEY, where it may be used for a dead OAuth sign-in. */
  readonly fallback: ManagedCredential | null
  readonly reports: readonly SourceReport[]
}

/**
 * Chooses among `readings`, which come in order of precedence. Pure.
 *
 * The first living one wins, with these exceptions: a static OAuth token gives way to a
 * renewable sign-in that may be adopted; behind any OAuth sign-in, living or dead, no API
 * key follows silently, because it is billed differently; an adopted sign-in must belong
 * to `account` where both are known.
 */
export function decide(
  readings: readonly SourceReading[],
  policy: SourcePolicy,
  judge: Judge,
  account: string | null,
): Decision {
  const commandThere = readings.some(
    (reading) => reading.source === 'refresh-command' && reading.kind !== 'absent',
  )
  const notes: string[] = []
  let chosen: ManagedCredential | null = null
  let staticToken: ManagedCredential | null = null
  let dead: ManagedCredential | null = null
  let trouble: Decision['trouble'] = null
  let sawSuperseded = false

  const judgeOne = (reading: SourceReading): string => {
    if (reading.kind === 'absent') return reading.message
    if (reading.kind === 'unusable') {
      if (!chosen && !staticToken && !dead && !reading.chainGoesOn) {
        trouble ??= {
          reason: reading.reason,
          message: `${reading.place} ${reading.message}`,
          misconfigured: reading.misconfigured,
        }
      }
      return reading.message
    }
    const { credential } = reading
    const { kind, fingerprint, source, accountId } = credential
    if (source === 'claude-code' && policy.adoptClaudeCode === 'auto') {
      if (!staticToken) return 'adopted only beside an OAuth token without a refresh source'
      if (commandThere) return 'not adopted: auth.refresh_command is configured'
    }
    if (judge.isSuperseded(fingerprint)) {
      sawSuperseded = true
      return 'replaced by a newer generation'
    }
    if (!judge.isAlive(credential)) {
      dead ??= credential
      return 'rejected by the provider, or ended'
    }
    if (chosen) return 'a source before it is in use'
    if (trouble) return 'a source before it needs mending first'
    if (kind === 'api-key' && (staticToken ?? (dead && (dead as ManagedCredential).kind !== 'api-key'))) {
      return policy.fallbackApiKey
        ? 'kept for the time when the OAuth sign-in is dead'
        : 'not used beside an OAuth sign-in: auth.fallback_api_key is off'
    }
    if (source !== 'own' && !sameAccount(account, accountId)) return 'belongs to another account'
    if (kind === 'oauth' && credential.refreshSource === null) {
      if (staticToken) return 'a source before it is in use'
      staticToken = credential
      return 'used: the first source that was found'
    }
    chosen = credential
    return staticToken
      ? 'used: renewable, beside an OAuth token that is not'
      : 'used: the first source that was found'
  }
  for (const reading of readings) notes.push(judgeOne(reading))

  const inUse: ManagedCredential | null = chosen ?? staticToken
  return {
    inUse,
    dead: inUse ? null : dead,
    trouble: inUse ? null : trouble,
    claudeCodeMissing: inUse || policy.adoptClaudeCode !== true ? null : missing(readings, 'claude-code'),
    sawSuperseded,
    fallback: policy.fallbackApiKey ? fallbackOf(readings, judge, inUse) : null,
    reports: readings.map((reading, index) => reportOf(reading, notes[index]!, inUse)),
  }
}

/** Where a source was looked for, and why nothing of it can be used; null = there is something. */
function missing(readings: readonly SourceReading[], source: SourceName): string | null {
  const reading = readings.find((one) => one.source === source)
  if (!reading || reading.kind === 'present') return null
  const { kind, place, message } = reading
  if (kind === 'absent') return `nothing is at ${place}`
  return message.startsWith(place) ? message : `${place} ${message}`
}

function fallbackOf(
  readings: readonly SourceReading[],
  judge: Judge,
  inUse: ManagedCredential | null,
): ManagedCredential | null {
  if (inUse?.kind === 'api-key') return null
  for (const reading of readings) {
    if (reading.source !== 'environment' || reading.kind !== 'present') continue
    const { credential } = reading
    if (credential.kind === 'api-key' && judge.isAlive(credential)) {
      return { ...credential, source: 'fallback-api-key' }
    }
  }
  return null
}

function reportOf(reading: SourceReading, note: string, inUse: ManagedCredential | null): SourceReport {
  const { source, place } = reading
  if (reading.kind !== 'present') {
    return {
      source,
      place,
      found: reading.kind === 'unusable',
      kind: reading.kind === 'unusable' ? reading.credentialKind : null,
      renewable: false,
      fingerprint: null,
      inUse: false,
      reason: note,
    }
  }
  const { credential } = reading
  const used = credential === inUse
  return {
    source,
    place,
    found: true,
    kind: credential.kind,
    renewable: credential.refreshSource !== null,
    fingerprint: credential.fingerprint === '' ? null : credential.fingerprint,
    inUse: used,
    reason: !used && note.startsWith('used') ? 'a renewable sign-in is used instead' : note,
  }
}

interface ResolveOptions {
  readonly judge?: Judge
  /** The account of the sign-in held so far: another source is adopted only for the same. */
  readonly account?: string | null
  /** Read no source behind one that settles the choice: enough to use it, not to report on each of them. */
  readonly onlyToUse?: boolean
}

/** The one way in which the gateway, the commands and the alerts learn which credential is in use. */
export interface Resolver {
  resolve(options?: ResolveOptions): Promise<Decision>
  /** Calls `listener` within 5 s after anything that `resolve` reads may have changed. */
  watch(listener: () => void): Disposable
}

/** Can no later source change the choice? */
function isSettled({ inUse, fallback }: Decision, { fallbackApiKey }: SourcePolicy): boolean {
  // A token that nothing refreshes gives way to a sign-in, and Claude Code's sign-in to a command.
  if (inUse === null || (inUse.kind === 'oauth' && inUse.refreshSource === null)) return false
  if (inUse.source === 'claude-code') return false
  return !fallbackApiKey || inUse.kind === 'api-key' || fallback !== null
}

/** @param sources in order of precedence */
export function createResolver(sources: readonly CredentialSource[], policy: SourcePolicy): Resolver {
  return {
    async resolve({ judge = ACCEPT_ALL, account = null, onlyToUse = false } = {}) {
      const decideFrom = (readings: readonly SourceReading[]) => decide(readings, policy, judge, account)
      if (!onlyToUse) return decideFrom((await Promise.all(sources.map((source) => source.read()))).flat())
      let readings: readonly SourceReading[] = []
      let decision = decideFrom(readings)
      for (const source of sources) {
        readings = [...readings, ...(await source.read())]
        decision = decideFrom(readings)
        if (isSettled(decision, policy)) break
      }
      return decision
    },
    watch(listener) {
      const watches = sources.map((source) => source.watch(listener))
      return {
        [Symbol.dispose]() {
          for (const watch of watches) watch[Symbol.dispose]()
        },
      }
    },
  }
}
