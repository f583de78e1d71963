import { SECOND } from '../../../support/clock.ts'
import { PlatformFailure } from '../../kit/failure.ts'
import { retryAfterIn } from '../../kit/retry.ts'
import { recordOf, textOf } from './events.ts'

/**
 * What an unsuccessful call means for its caller.
 *
 * `network` no answer · `server` 5xx or nonsense · `rate-limited` 429 · `token` the access token is
 * refused · `account` the account is locked, suspended or must agree to something · `forbidden` this
 * room or action is closed to the bot · `gone` room, event or file does not exist · `unknown-call` the
 * server does not know this call · `too-large` more than it takes, or than is read · `rejected` the request itself is refused
 */
export type FailureKind =
  | 'network'
  | 'server'
  | 'rate-limited'
  | 'token'
  | 'account'
  | 'forbidden'
  | 'gone'
  | 'unknown-call'
  | 'too-large'
  | 'rejected'

/** An unsuccessful call of the client-server API. */
export class MatrixFailure extends PlatformFailure<FailureKind> {
  override readonly name = 'MatrixFailure'
  /** The session was ended by the server, but the device may log in again as the same. */
  readonly softLogout: boolean

  constructor(
    kind: FailureKind,
    method: string,
    text: string,
    facts: { readonly retryAfterMs?: number | null; readonly softLogout?: boolean } = {},
  ) {
    super('Matrix', kind, method, text, facts.retryAfterMs)
    this.softLogout = facts.softLogout ?? false
  }
}

/** A 429 that does not say how long. */
const DEFAULT_RETRY_AFTER_MS = 5 * SECOND

/** @see https://spec.matrix.org/latest/client-server-api/#standard-error-response */
const KINDS: Readonly<Record<string, FailureKind>> = {
  M_UNKNOWN_TOKEN: 'token',
  M_MISSING_TOKEN: 'token',
  M_LIMIT_EXCEEDED: 'rate-limited',
  M_USER_LOCKED: 'account',
  M_USER_SUSPENDED: 'account',
  M_USER_DEACTIVATED: 'account',
  M_CONSENT_NOT_GIVEN: 'account',
  M_RESOURCE_LIMIT_EXCEEDED: 'account',
  M_FORBIDDEN: 'forbidden',
  M_GUEST_ACCESS_FORBIDDEN: 'forbidden',
  M_NOT_FOUND: 'gone',
  M_NOT_YET_UPLOADED: 'gone',
  M_UNRECOGNIZED: 'unknown-call',
  M_TOO_LARGE: 'too-large',
}

/** @param body the answer's body, parsed where it was JSON */
export function classifyAnswer(call: string, status: number, headers: Headers, body: unknown): MatrixFailure {
  const answer = recordOf(body)
  const code = textOf(answer, 'errcode')
  const kind = kindOf(status, code)
  const words = [code, textOf(answer, 'error')].filter(Boolean).join(': ')
  const text = words === '' ? `answered ${status}` : `${status} ${words}`
  if (kind !== 'rate-limited') {
    return new MatrixFailure(kind, call, text, { softLogout: answer['soft_logout'] === true })
  }
  // The header is the newer way; servers of today still write the field.
  const field = answer['retry_after_ms']
  const asked = typeof field === 'number' && field >= 0 ? field : null
  const retryAfterMs = asked ?? retryAfterIn(headers) ?? DEFAULT_RETRY_AFTER_MS
  return new MatrixFailure(kind, call, text, { retryAfterMs })
}

function kindOf(status: number, code: string | null): FailureKind {
  if (status === 429) return 'rate-limited'
  if (status >= 500) return 'server'
  const known = code !== null && Object.hasOwn(KINDS, code) ? KINDS[code] : undefined
  if (known) return known
  if (status === 401) return 'token'
  if (status === 403) return 'forbidden'
  if (status === 413) return 'too-large'
  // Without a code it is no answer of a homeserver: a proxy knows no such address.
  if (status === 404) return code === null ? 'unknown-call' : 'gone'
  // A redirect is followed nowhere, for it would carry the token along.
  return status < 400 ? 'server' : 'rejected'
}

/** Asking again would be answered in the same way: it is not there, or not for the bot. */
export function isClosed(error: unknown): error is MatrixFailure {
  return error instanceof MatrixFailure && ['forbidden', 'gone', 'rejected'].includes(error.kind)
}
