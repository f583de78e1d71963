import type { AttachmentInfo } from '../../../src/http/wire.ts'
import { looksLikeSignInPaste } from '../../../src/support/text/token-shape.ts'
import { ApiError } from '../api.ts'

/** A file of an unsent message. Its content stays with it: an upload is gone after a day. */
export interface UnsentFile {
  readonly name: string
  readonly content: Blob
  /** null = not uploaded yet. */
  readonly uploaded: AttachmentInfo | null
}

/** A message that the gateway has not confirmed. It is sent under the same id until it is. */
export interface UnsentMessage {
  readonly messageId: string
  /** Who wrote it: it is never sent as somebody else's. */
  readonly principal: string
  readonly conversation: string
  /** Ascends within this browser. */
  readonly order: number
  readonly text: string
  readonly files: readonly UnsentFile[]
  /** Why the gateway refused it for good; null = it is to be sent. */
  readonly refusal: string | null
}

/** What a failed attempt means for its message. */
export type AttemptResult =
  | { readonly kind: 'later' }
  /** Kept until the same person is signed in again. */
  | { readonly kind: 'signed-out' }
  | { readonly kind: 'refused'; readonly reason: string }

/** Statuses below 500 that say nothing about the message. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425, 429])

export function attemptResult(error: unknown): AttemptResult {
  if (!(error instanceof ApiError)) return { kind: 'later' }
  const { status, code, message } = error
  if (status === 401 || code === 'other-principal') return { kind: 'signed-out' }
  // Stored as refused: the same id would always be refused.
  if (code === 'hold-full') return { kind: 'refused', reason: message }
  // A proxy in between answers in another form, and knows nothing of the message.
  if (status >= 500 || PASSING_STATUSES.has(status) || code === 'unknown') return { kind: 'later' }
  return { kind: 'refused', reason: message }
}

const FIRST_PAUSE_MS = 1_000
/** While the page is connected, what keeps the gateway from storing a message is noticed within this. */
const MAX_PAUSE_MS = 30_000

/** The pause before the next attempt. @param failures in a row, from 1 */
export function retryPause(failures: number): number {
  return Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1))
}

/** The order of sending and of reading. */
export function inOrder<Message extends Pick<UnsentMessage, 'order' | 'messageId'>>(
  messages: readonly Message[],
): readonly Message[] {
  return messages.toSorted((a, b) => a.order - b.order || (a.messageId < b.messageId ? -1 : 1))
}

/** A pasted sign-in code or token is written nowhere, here as in the gateway. */
export function mayBeKept(text: string): boolean {
  return !looksLikeSignInPaste(text)
}
