import { PlatformFailure } from '../../kit/failure.ts'

/**
 * What an unsuccessful call means for its caller.
 *
 * `network` no answer · `server` 5xx or nonsense · `rate-limited` 429 · `token` the bot token is
 * refused · `forbidden` this place or person is closed to the bot · `gone` channel, message or person
 * does not exist · `rejected` the request itself is refused
 */
export type FailureKind = 'network' | 'server' | 'rate-limited' | 'token' | 'forbidden' | 'gone' | 'rejected'

/** Codes of Discord that decide something here. @see https://discord.com/developers/docs/topics/opcodes-and-status-codes#json */
export const UNKNOWN_CHANNEL = 10_003
export const NOT_IN_PRIVATE_CHAT = 50_003
export const MISSING_PERMISSIONS = 50_013
export const REACTION_BLOCKED = 90_001

/** An unsuccessful call of the REST API. */
export class DiscordFailure extends PlatformFailure<FailureKind> {
  override readonly name = 'DiscordFailure'
  /** Discord's own; null = it gave none. */
  readonly code: number | null
  /** The wait holds for every request of the bot. */
  readonly everywhere: boolean

  constructor(
    kind: FailureKind,
    method: string,
    text: string,
    facts: {
      readonly code?: number | null
      readonly retryAfterMs?: number | null
      readonly everywhere?: boolean
    } = {},
  ) {
    super('Discord', kind, method, text, facts.retryAfterMs)
    this.code = facts.code ?? null
    this.everywhere = facts.everywhere ?? false
  }
}

/**
 * @param code Discord's own code in the body. A 4xx without one comes from a proxy and
 *   says nothing about the request; 0 is "general", which a wrong address gets, too.
 */
export function classifyAnswer(
  method: string,
  status: number,
  code: number | null,
  message: string,
): DiscordFailure {
  const text = code === null ? `answered ${status}` : `${status} ${message} (${code})`
  return new DiscordFailure(kindOf(status, code), method, text, { code })
}

function kindOf(status: number, code: number | null): FailureKind {
  if (status === 401) return 'token'
  if (!code || status >= 500) return 'server'
  if (status === 403) return 'forbidden'
  return status === 404 ? 'gone' : 'rejected'
}
