/** Begins the id of a message that did not come from the platform in whose chat it is answered. */
const OWN = 'hermes:'

/** An id for such a message. It must be the same for each delivery. */
export function ownId(rest: string): string {
  return OWN + rest
}

/** What an answer may be shown as a reply to; null = the platform knows no such message. */
export function replyTarget(platformMessageId: string | null): string | null {
  return platformMessageId?.startsWith(OWN) ? null : platformMessageId
}
