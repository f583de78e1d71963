import { SECOND, isoTime } from '../../support/clock.ts'
import {
  ConfigurationError,
  NeedsLogin,
  NotPermitted,
  TransientError,
  type CredentialReason,
  type HermesError,
} from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import { REMEDY_COMMANDS, remedyOf, type CredentialOrigin } from '../credential-words.ts'
import type { CredentialKind, ManagedCredential, Rejection, SourceName } from '../credential.ts'
import { retryOf, type CredentialStateName, type KeeperState } from './keeper-state.ts'
import type { KeeperRecord } from './record.ts'

/** What `hermes auth status --json` prints. Times are ISO 8601 in UTC. */
export interface AuthStatus {
  readonly state: CredentialStateName
  /** null exactly when the state is healthy, or refreshing a token that is still good. */
  readonly reason: CredentialReason | null
  readonly source: SourceName | null
  readonly kind: CredentialKind | null
  readonly renewable: boolean
  /** The first 8 hex digits of the token's SHA-256. */
  readonly fingerprint: string | null
  readonly expiresAt: string | null
  /** Whole seconds, 0 when it has ended; null when the end is unknown. */
  readonly secondsLeft: number | null
  readonly loginExpiresAt: string | null
  readonly loginExpiryEstimated: boolean
  readonly lastRefresh: { readonly at: string; readonly outcome: string } | null
  readonly nextAttemptAt: string | null
  readonly consecutive401: number
}

export interface StatusParts {
  readonly state: KeeperState
  readonly record: KeeperRecord
  /** Milliseconds that are left of the active token; Infinity = unknown. */
  readonly leftMs: number
  /** The API key that is used at present instead of the sign-in. */
  readonly fallback: ManagedCredential | null
}

export function statusOf({ state, record, leftMs, fallback }: StatusParts): AuthStatus {
  const credential = fallback ?? state.active
  const retry = retryOf(state)
  const expiresAt = credential?.expiresAt ?? null
  return {
    // Requests work by the fallback, while the sign-in does not.
    state: fallback ? 'at-risk' : state.name,
    reason: reasonOf(state, record),
    source: credential?.source ?? null,
    kind: credential?.kind ?? null,
    renewable: (credential?.refreshSource ?? null) !== null,
    fingerprint: credential?.fingerprint || null,
    // A source that gave no token yet has no end to show.
    expiresAt: expiresAt === null || expiresAt === 0 ? null : isoTime(expiresAt),
    secondsLeft: expiresAt === null || expiresAt === 0 ? null : Math.max(0, Math.floor(leftMs / SECOND)),
    loginExpiresAt: isoTime(state.active?.loginExpiresAt ?? null),
    loginExpiryEstimated: state.active?.loginExpiryEstimated ?? false,
    lastRefresh: record.lastRefresh && {
      at: isoTime(record.lastRefresh.at),
      outcome: record.lastRefresh.outcome,
    },
    nextAttemptAt: isoTime(retry?.at ?? null),
    consecutive401: record.consecutive401,
  }
}

function reasonOf(state: KeeperState, { rejected }: KeeperRecord): CredentialReason | null {
  switch (state.name) {
    case 'healthy':
      return null
    case 'refreshing':
      if (state.usable) return null
      return rejected.includes(state.active.fingerprint) ? 'revoked' : 'expired'
    default:
      return state.reason
  }
}

/** Why no credential can be had, as the caller that asked for one must handle it. */
export function errorOf(state: KeeperState, now: number): HermesError {
  switch (state.name) {
    case 'needs-login':
      return new NeedsLogin(state.reason, state.message)
    case 'not-permitted':
      return new NotPermitted(state.reason, state.message)
    case 'misconfigured':
      return new ConfigurationError(state.message)
    case 'degraded':
      return new TransientError(state.message, Math.max(0, state.retry.at - now), state.reason)
    case 'at-risk':
      return new TransientError(state.message, null, state.reason)
    default:
      return new TransientError('the credential is being refreshed', null, 'expired')
  }
}

/** Exit codes of the commands, by who must act. */
export function exitCodeOf(state: CredentialStateName): 0 | 3 | 4 | 78 {
  switch (state) {
    case 'healthy':
    case 'refreshing':
    case 'at-risk':
      return 0
    case 'degraded':
      return 4
    case 'needs-login':
    case 'not-permitted':
      return 3
    case 'misconfigured':
      return 78
  }
}

interface Ailing extends CredentialOrigin {
  readonly state: CredentialStateName
  readonly reason: CredentialReason | null
}

/** The command that helps a credential in this state. */
export function suggestedCommand({ state, reason, ...origin }: Ailing): string {
  const command = REMEDY_COMMANDS[remedyOf(origin)]
  if (state === 'misconfigured') return 'hermes auth sources'
  switch (reason) {
    case 'other-machine':
      return `${command}\` or, if this machine is to go on alone, \`hermes auth status --adopt`
    case 'store':
    case 'endpoint':
    case 'network':
    case 'rate-limited':
    case 'policy':
    case 'billing':
    case 'account':
      return 'hermes doctor'
    default:
      return command
  }
}

/** What the keeper tells its listeners: alerts, metrics, logs, the gate before the inbox. */
export type KeeperNotice =
  /** `from` is null for the state in which the keeper starts. */
  | {
      readonly type: 'transition'
      readonly at: number
      readonly from: AuthStatus | null
      readonly to: AuthStatus
      /** May requests begin? Until the refresh that is under way has failed, they only wait for it. */
      readonly usable: boolean
      /** For people; null when healthy. */
      readonly message: string | null
    }
  | {
      readonly type: 'refresh'
      readonly at: number
      readonly outcome: string
      readonly message: string | null
    }
  | {
      readonly type: 'rejection'
      readonly at: number
      readonly fingerprint: string
      readonly rejection: Rejection
    }
  | { readonly type: 'probe'; readonly at: number; readonly accepted: boolean }
  | { readonly type: 'warning'; readonly at: number; readonly warning: KeeperWarning }

/** What reports the life of the credential. */
export interface KeeperNotices {
  subscribe(listener: (notice: KeeperNotice) => void): Disposable
}

type WarningCode =
  | 'unrenewable'
  | 'rejected-repeatedly'
  | 'sign-in-ended'
  | 'unsaved'
  | 'login-ending'
  | 'fallback-api-key'
  | 'account-changed'

export interface KeeperWarning {
  readonly code: WarningCode
  readonly text: string
  /** The suggested fix. */
  readonly command: string
  /** False: for the log only, because the operator was notified of this before, or is notified of it by another alert. */
  readonly alert: boolean
}

/** Logs what happens to the credential. */
export function noticeLogger(log: Log): (notice: KeeperNotice) => void {
  return (notice) => {
    switch (notice.type) {
      case 'warning':
        return log.warn({ command: notice.warning.command }, notice.warning.text)
      case 'transition': {
        const { state, reason, fingerprint, source } = notice.to
        const level = notice.usable ? 'info' : 'warn'
        return log[level](
          { state, reason, source, fingerprint },
          notice.message ?? `the credential is ${state}`,
        )
      }
      case 'refresh':
        return log.info({ outcome: notice.outcome }, notice.message ?? 'the credential was refreshed')
      case 'rejection':
        return log.warn(
          { fingerprint: notice.fingerprint, ...notice.rejection },
          'the provider rejected a request',
        )
      case 'probe':
        return log.info(
          { accepted: notice.accepted },
          'checked whether the provider accepts the credential again',
        )
    }
  }
}
