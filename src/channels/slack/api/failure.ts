import { Undeliverable } from '../../../inbox/delivery/outlet.ts'
import { MINUTE, SECOND } from '../../../support/clock.ts'
import { TransientError } from '../../../support/errors.ts'
import { redact } from '../../../support/redact.ts'

/**
 * What an unsuccessful call means for whoever made it.
 *
 * `network` no answer · `server` 5xx or nonsense · `rate-limited` 429 · `token` the token is not
 * taken · `scope` the app lacks a permission · `gone` this chat or message is closed to the bot, or
 * is none · `rejected` the request itself is not liked
 */
export type FailureKind = 'network' | 'server' | 'rate-limited' | 'token' | 'scope' | 'gone' | 'rejected'

/** An unsuccessful call of the Web API. Carries neither the request (it holds people's words) nor a `cause`. */
export class SlackFailure extends Error {
  override readonly name = 'SlackFailure'
  readonly kind: FailureKind
  readonly method: string
  /** Slack's own word for it, such as `channel_not_found`; null = there was no answer of Slack's. */
  readonly code: string | null
  /** What Slack asked to wait, in milliseconds; null = it did not say. */
  readonly retryAfterMs: number | null
  /** The scope that is missing, as Slack names it. */
  readonly needed: string | null

  constructor(
    kind: FailureKind,
    method: string,
    text: string,
    facts: {
      readonly code?: string
      readonly retryAfterMs?: number | null
      readonly needed?: string | null
    } = {},
  ) {
    super(`Slack ${method}: ${redact(text)}`)
    this.kind = kind
    this.method = method
    this.code = facts.code ?? null
    this.retryAfterMs = facts.retryAfterMs ?? null
    this.needed = facts.needed ?? null
  }
}

/** A 429 without `Retry-After` does not happen by the book; a server in between may make one. */
const DEFAULT_RETRY_AFTER_MS = 30 * SECOND
/** A wrong token or a missing permission is mended by the operator, not by asking often. */
const OPERATOR_RETRY_MS = MINUTE

const TOKEN_CODES = new Set([
  'not_authed',
  'invalid_auth',
  'account_inactive',
  'token_revoked',
  'token_expired',
  'not_allowed_token_type',
  'user_removed_from_team',
  'team_disabled',
  'access_denied',
  'team_access_not_granted',
])
const SCOPE_CODES = new Set(['missing_scope', 'no_permission', 'not_allowed'])
const SERVER_CODES = new Set([
  'internal_error',
  'fatal_error',
  'service_unavailable',
  'request_timeout',
  'team_added_to_org',
  'accesslimited',
])
const GONE_CODES = new Set([
  'channel_not_found',
  'is_archived',
  'not_in_channel',
  'cannot_dm_bot',
  'user_disabled',
  'user_not_found',
  'user_not_visible',
  'messages_tab_disabled',
  'restricted_action',
  'restricted_action_read_only_channel',
  'restricted_action_thread_only_channel',
  'restricted_action_non_threadable_channel',
  'restricted_action_thread_locked',
  'thread_not_found',
  'thread_locked',
  'cannot_reply_to_message',
  'message_not_found',
  'cant_update_message',
  'edit_window_closed',
  'method_not_supported_for_channel_type',
])

/** A 429. @param retryAfterSeconds null = none was given, or nothing that is a number */
export function rateLimited(method: string, retryAfterSeconds: number | null): SlackFailure {
  const valid = retryAfterSeconds !== null && retryAfterSeconds >= 0
  return new SlackFailure('rate-limited', method, 'asks to go more slowly', {
    code: 'ratelimited',
    retryAfterMs: valid ? retryAfterSeconds * SECOND : DEFAULT_RETRY_AFTER_MS,
  })
}

/** The class of an answer `{"ok": false, "error": code}`. @see https://docs.slack.dev/reference/methods */
export function refused(method: string, code: string, needed: string | null): SlackFailure {
  // Something in between answered in Slack's place, with a page instead of a code.
  if (!/^[a-z0-9_]{1,80}$/i.test(code)) return new SlackFailure('server', method, 'answered no JSON')
  if (code === 'ratelimited' || code === 'rate_limited') return rateLimited(method, null)
  return new SlackFailure(kindOf(code), method, needed === null ? code : `${code}, needed: ${needed}`, {
    code,
    needed,
  })
}

function kindOf(code: string): FailureKind {
  if (TOKEN_CODES.has(code)) return 'token'
  if (SCOPE_CODES.has(code)) return 'scope'
  if (SERVER_CODES.has(code)) return 'server'
  return GONE_CODES.has(code) ? 'gone' : 'rejected'
}

/** A failure in the terms of `Outlet`. */
export function asOutletError(error: unknown): unknown {
  if (!(error instanceof SlackFailure)) return error
  switch (error.kind) {
    case 'gone':
    case 'rejected':
      return new Undeliverable(error.message)
    case 'rate-limited':
      return new TransientError(error.message, error.retryAfterMs, 'rate-limited')
    case 'token':
    case 'scope':
      return new TransientError(error.message, OPERATOR_RETRY_MS, 'token')
    default:
      return new TransientError(error.message, null, 'network')
  }
}
