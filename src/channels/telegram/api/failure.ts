import { SECOND } from '../../../support/clock.ts'
import { PlatformFailure } from '../../kit/failure.ts'

/**
 * What an unsuccessful call means for its caller.
 *
 * `network` no answer · `server` 5xx or nonsense · `rate-limited` 429 · `token` the bot token is
 * refused · `conflict` somebody else receives · `forbidden` this chat is closed to the bot ·
 * `migrated` the group has a new id · `unchanged` the message reads so already · `gone` chat or
 * message does not exist · `unwelcome` the chat does not allow this reaction · `too-large` the answer
 * is longer than is read · `rejected` the request itself is refused
 */
export type FailureKind =
  | 'network'
  | 'server'
  | 'rate-limited'
  | 'token'
  | 'conflict'
  | 'forbidden'
  | 'migrated'
  | 'unchanged'
  | 'gone'
  | 'unwelcome'
  | 'too-large'
  | 'rejected'

/** An unsuccessful call of the Bot API. */
export class TelegramFailure extends PlatformFailure<FailureKind> {
  override readonly name = 'TelegramFailure'
  /** The new id of a group that became a supergroup. */
  readonly migratedTo: number | null

  constructor(
    kind: FailureKind,
    method: string,
    text: string,
    facts: { readonly retryAfterMs?: number | null; readonly migratedTo?: number | null } = {},
  ) {
    super('Telegram', kind, method, text, facts.retryAfterMs)
    this.migratedTo = facts.migratedTo ?? null
  }
}

/** The unsuccessful answer of a Bot API server. */
export interface ErrorAnswer {
  readonly error_code: number
  readonly description: string
  readonly parameters?: {
    readonly migrate_to_chat_id?: number | undefined
    readonly retry_after?: number | undefined
  }
}

/** A 429 without `retry_after` does not happen by the book; a server in between may make one. */
const DEFAULT_RETRY_AFTER_MS = 5 * SECOND

/**
 * The Bot API tells these apart only by their description: every one of them is a plain 400.
 * What is not listed counts as `rejected`, which is tried once more as plain text.
 */
const PHRASES: ReadonlyArray<readonly [RegExp, FailureKind]> = [
  [/message is not modified/i, 'unchanged'],
  [/message to (?:edit|react) not found|message can't be edited|MESSAGE_ID_INVALID/i, 'gone'],
  [/REACTION_INVALID|REACTIONS_TOO_MANY/i, 'unwelcome'],
  [/chat not found|user not found|PEER_ID_INVALID|chat_id is empty|group chat was deactivated/i, 'gone'],
  [/thread not found|TOPIC_DELETED|TOPIC_CLOSED/i, 'gone'],
  [/not enough rights|CHAT_WRITE_FORBIDDEN|have no rights to send|CHAT_RESTRICTED/i, 'forbidden'],
]

/** @see https://core.telegram.org/bots/api#making-requests and #responseparameters */
export function classifyAnswer(method: string, answer: ErrorAnswer): TelegramFailure {
  const { error_code: code, description } = answer
  if (typeof code !== 'number' || typeof description !== 'string')
    return new TelegramFailure('server', method, 'answered nonsense')
  const migratedTo = answer.parameters?.migrate_to_chat_id
  if (Number.isSafeInteger(migratedTo))
    return new TelegramFailure('migrated', method, 'the group has a new id', { migratedTo: migratedTo! })
  const text = `${code} ${description}`
  if (code === 429) {
    const seconds = answer.parameters?.retry_after
    const valid = typeof seconds === 'number' && seconds >= 0
    return new TelegramFailure('rate-limited', method, text, {
      retryAfterMs: valid ? seconds * SECOND : DEFAULT_RETRY_AFTER_MS,
    })
  }
  return new TelegramFailure(kindOf(code, description), method, text)
}

/** An error that is none of the Bot API: of whatever answers at that address. Only its status says anything. */
export function classifyForeign(method: string, status: number): TelegramFailure {
  const kind = status === 401 ? 'token' : 'server'
  return new TelegramFailure(kind, method, `answered ${status}, and not as the Bot API does`)
}

function kindOf(code: number, description: string): FailureKind {
  if (code === 401 || code === 404) return 'token'
  if (code === 403) return 'forbidden'
  if (code === 409) return 'conflict'
  if (code === 400) return PHRASES.find(([phrase]) => phrase.test(description))?.[1] ?? 'rejected'
  return code >= 500 ? 'server' : 'rejected'
}
