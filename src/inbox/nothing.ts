import type { Accepted } from './inbox.ts'

/** What became of an arrival that left nothing. */
export const NOTHING: Accepted = {
  conversationId: null,
  messageId: null,
  state: null,
  duplicate: false,
  holdFull: false,
  outbox: false,
  withdrawn: 0,
}
