import type { CredentialReason } from '../../support/errors.ts'
import type { ManagedCredential } from '../credential.ts'

/** Said of an OAuth token that nothing here can refresh: at each start, in alerts and in the status. */
export const UNRENEWABLE_SENTENCE =
  'OAuth token detected without refresh credentials — token will expire and cannot be auto-renewed.'

/** The states of a credential, as commands, `/readyz` and metrics print them. */
export const CREDENTIAL_STATES = [
  'healthy',
  'refreshing',
  'at-risk',
  'degraded',
  'needs-login',
  'not-permitted',
  'misconfigured',
] as const
export type CredentialStateName = (typeof CREDENTIAL_STATES)[number]

/** What the keeper will do automatically, and when. */
export interface Retry {
  /** `read-again`: the last request may have rotated the token, so nothing is sent while the old one lives. */
  readonly means: 'refresh' | 'read-again' | 'probe' | 'save'
  /** Epoch milliseconds. */
  readonly at: number
  /** The same moment on the monotonic clock: whichever comes first. */
  readonly monotonicAt: number
  /** Failures so far; 0 = this is not a repeat. */
  readonly attempt: number
}

interface Trouble {
  readonly reason: CredentialReason
  /** For people; holds no secret. */
  readonly message: string
}

interface WithCredential {
  readonly active: ManagedCredential
}

export type KeeperState =
  | ({ readonly name: 'healthy' } & WithCredential)
  /** `usable`: requests continue with the active credential in the meantime. */
  | ({ readonly name: 'refreshing'; readonly usable: boolean } & WithCredential)
  /** Usable; `retry` is null where nothing will be tried again. */
  | ({ readonly name: 'at-risk'; readonly retry: Retry | null } & WithCredential & Trouble)
  /** Not usable, recovers automatically. */
  | ({ readonly name: 'degraded'; readonly retry: Retry } & WithCredential & Trouble)
  /** A person must sign in. `retry`: a probe finds out whether the provider has changed its mind. */
  | ({
      readonly name: 'needs-login'
      readonly active: ManagedCredential | null
      readonly retry: Retry | null
    } & Trouble)
  | ({ readonly name: 'not-permitted'; readonly retry: Retry | null } & WithCredential & Trouble)
  | ({ readonly name: 'misconfigured'; readonly active: null } & Trouble)

export type KeeperEvent =
  /** The sources or a refresh gave a credential that may be used, or one whose token is over and can be refreshed. */
  | ({ readonly type: 'found'; readonly usable: boolean; readonly retryNow: Retry } & WithCredential)
  | ({ readonly type: 'nothing-found'; readonly misconfigured: boolean } & Trouble)
  | { readonly type: 'refresh-started'; readonly usable: boolean }
  /** Refreshed, and the disk rejects the result. */
  | ({ readonly type: 'unsaved'; readonly retry: Retry } & WithCredential & Trouble)
  | { readonly type: 'saved'; readonly retryNow: Retry }
  | ({ readonly type: 'refresh-failed'; readonly usable: boolean; readonly retry: Retry } & Trouble)
  /** The grant is dead: no refresh of this generation will ever work. */
  | ({ readonly type: 'sign-in-ended'; readonly usable: boolean } & Trouble)
  /** The provider rejects what nothing here can refresh. `final`: a person must sign in. */
  | ({ readonly type: 'rejected'; readonly retry: Retry; readonly final: boolean } & Trouble)
  | ({ readonly type: 'forbidden'; readonly retry: Retry | null; readonly byScope: boolean } & Trouble)
  | { readonly type: 'probe-failed'; readonly retry: Retry }
  /** A request or a probe with the active credential was accepted. */
  | { readonly type: 'accepted' }
  /** The end of the active token has passed. */
  | { readonly type: 'expired'; readonly retryNow: Retry }

/** What a rejection of the token says of it. */
export const REJECTED = { reason: 'revoked', message: 'the provider rejects the credential' } as const

/** Before the sources were read for the first time. */
export const INITIAL_STATE: KeeperState = {
  name: 'needs-login',
  active: null,
  reason: 'absent',
  message: 'no source was read yet',
  retry: null,
}

/**
 * The state after `event`: the only place where a state is made. Returns `state`
 * itself where the event changes nothing.
 */
export function transition(state: KeeperState, event: KeeperEvent): KeeperState {
  switch (event.type) {
    case 'found':
      return event.usable ? workingState(event.active) : expiredState(event.active, event.retryNow)
    case 'nothing-found':
      return event.misconfigured
        ? { name: 'misconfigured', active: null, ...troubleOf(event) }
        : { name: 'needs-login', active: null, retry: null, ...troubleOf(event) }
    case 'unsaved':
      return { name: 'at-risk', active: event.active, retry: event.retry, ...troubleOf(event) }
    case 'saved':
      if (state.name === 'at-risk' && state.retry?.means === 'save') return workingState(state.active)
      // It outlived its token before there was room for it: now it may be refreshed again.
      return state.name === 'degraded' && state.retry.means === 'save'
        ? { ...state, retry: event.retryNow }
        : state
  }
  const { active } = state
  if (active === null) return state
  switch (event.type) {
    case 'refresh-started':
      // A repeated try is not an event for anybody: the state stays what the failure made it.
      return isRepeat(state) || state.name === 'not-permitted'
        ? state
        : { name: 'refreshing', active, usable: event.usable }
    case 'refresh-failed':
      return {
        name: event.usable ? 'at-risk' : 'degraded',
        active,
        retry: event.retry,
        ...troubleOf(event),
      }
    case 'sign-in-ended':
      return { name: event.usable ? 'at-risk' : 'needs-login', active, retry: null, ...troubleOf(event) }
    case 'rejected':
      return {
        name: event.final ? 'needs-login' : 'degraded',
        active,
        retry: event.retry,
        ...troubleOf(event),
      }
    case 'forbidden':
      return {
        name: event.byScope ? 'needs-login' : 'not-permitted',
        active,
        retry: event.retry,
        ...troubleOf(event),
      }
    case 'probe-failed':
      return 'retry' in state && state.retry?.means === 'probe' ? { ...state, retry: event.retry } : state
    case 'accepted':
      return isUsable(state) ? state : workingState(active)
    case 'expired':
      return afterExpiry(state, active, event.retryNow)
  }
}

/** May requests be sent with the active credential, as far as the state knows? Its end is for the clock to tell. */
export function isUsable(state: KeeperState): boolean {
  switch (state.name) {
    case 'healthy':
    case 'at-risk':
      return true
    case 'refreshing':
      return state.usable
    default:
      return false
  }
}

/** May requests begin in this state? At worst they wait for a refresh that has not failed yet. */
export function admitsRequests(state: CredentialStateName): boolean {
  return state === 'healthy' || state === 'refreshing' || state === 'at-risk'
}

/** What the keeper will do automatically in this state. */
export function retryOf(state: KeeperState): Retry | null {
  return 'retry' in state ? state.retry : null
}

function workingState(active: ManagedCredential): KeeperState {
  if (active.refreshSource !== null || active.kind === 'api-key') return { name: 'healthy', active }
  return { name: 'at-risk', active, retry: null, reason: 'unrenewable', message: UNRENEWABLE_SENTENCE }
}

function expiredState(active: ManagedCredential, retryNow: Retry): KeeperState {
  const trouble = { reason: 'expired', message: 'the token has expired' } as const
  return active.refreshSource === null
    ? { name: 'needs-login', active, retry: null, ...trouble }
    : { name: 'degraded', active, retry: retryNow, ...trouble }
}

function afterExpiry(state: KeeperState, active: ManagedCredential, retryNow: Retry): KeeperState {
  if (!isUsable(state)) return state
  if (state.name !== 'at-risk') return expiredState(active, retryNow)
  const { reason, message, retry } = state
  if (retry === null) {
    return {
      name: 'needs-login',
      active,
      retry: null,
      message,
      reason: reason === 'unrenewable' ? 'expired' : reason,
    }
  }
  // While the old token lived nothing was sent; now the step that waited is due.
  const next = retry.means === 'read-again' ? { ...retryNow, attempt: retry.attempt } : retry
  return { name: 'degraded', active, retry: next, reason, message }
}

function isRepeat(state: KeeperState): boolean {
  return (state.name === 'degraded' || state.name === 'at-risk') && (state.retry?.attempt ?? 0) > 0
}

function troubleOf({ reason, message }: Trouble): Trouble {
  return { reason, message }
}
