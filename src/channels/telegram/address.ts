/** Where a message goes: a chat, or one topic of a forum. Written `chatId` or `chatId/threadId`. */
export interface Target {
  readonly chatId: number
  readonly threadId: number | null
}

export function formatAddress(chatId: number, threadId: number | null): string {
  return threadId === null ? String(chatId) : `${chatId}/${threadId}`
}

/** Null: not an address of this channel. */
export function parseAddress(address: string): Target | null {
  const match = /^(-?\d{1,16})(?:\/(\d{1,16}))?$/.exec(address)
  if (!match) return null
  return { chatId: Number(match[1]), threadId: match[2] === undefined ? null : Number(match[2]) }
}

/** Groups, supergroups and channels have negative ids. */
export function isGroup(chatId: number): boolean {
  return chatId < 0
}
