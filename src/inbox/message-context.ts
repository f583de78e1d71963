/**
 * What travels with a message whose sender keeps the conversation itself: everything that the
 * model is to be shown beside the message, in place of the stored history and the usual settings.
 * Stored with the message, handed out with its lease, and dropped once the message was answered.
 */
export interface MessageContext {
  /** Names the request as it was sent: another one under the same id is told from a repetition by it. */
  readonly digest: string
  /** The sender's system prompt, verbatim; null = the gateway's own. */
  readonly system: string | null
  /** What was said before, oldest first. */
  readonly turns: readonly EarlierTurn[]
  /** null = the configured one. */
  readonly model: string | null
  /** Tokens of the answer at most; null = as configured. */
  readonly maxTokens: number | null
  /** The answer ends before any of these. */
  readonly stop: readonly string[]
}

export interface EarlierTurn {
  readonly role: 'user' | 'assistant'
  readonly text: string
  /** Which of the message's attachments belong here, by index; those that no turn names are the message's own. */
  readonly attachments: readonly number[]
}

/** The reason of an answer that ends because it was as long as it may be. */
export const CUT_SHORT = 'cut short'
