import { SECOND } from '../../../support/clock.ts'
import { PlatformFailure, sendErrorOf, type SendMeaning } from '../../kit/failure.ts'

/**
 * What an unsuccessful call means for its caller.
 *
 * `network` no answer · `server` 5xx or nonsense · `rate-limited` 429 · `token` the token is
 * refused · `scope` the app lacks a permission · `gone` this chat or message does not exist or
 * is closed to the bot · `rejected` the request itself is refused
 */
export type FailureKind = 'network' | 'server' | 'rate-limited' | 'token' | 'scope' | 'gone' | 'rejected'

/** An unsuccessful call of the Web API. */
export class SlackFailure extends PlatformFailure<FailureKind> {
  override readonly name = 'SlackFailure'
  /** Slack's error code, such as `channel_not_found`; null = Slack did not answer. */
  readonly code: string | null
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
    super('Slack', kind, method, text, facts.retryAfterMs)
    this.code = facts.code ?? null
    this.needed = facts.needed ?? null
  }
}

/** A 429 without `Retry-After` does not happen by the book; a server in between may make one. */
const DEFAULT_RETRY_AFTER_MS = 30 * SECOND

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

/** A 429. @param retryAfterMs null = it does not say how long */
export function rateLimited(method: string, retryAfterMs: number | null): SlackFailure {
  return new SlackFailure('rate-limited', method, 'asks to go more slowly', {
    code: 'ratelimited',
    retryAfterMs: retryAfterMs ?? DEFAULT_RETRY_AFTER_MS,
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

const MEANING: SendMeaning<FailureKind> = {
  gone: 'undeliverable',
  rejected: 'undeliverable',
  token: { operator: 'token' },
  scope: { operator: 'token' },
}

/** A failure in the terms of `SendChannel`. */
export function asSendError(error: unknown): unknown {
  return error instanceof SlackFailure ? sendErrorOf(error, MEANING) : error
}
