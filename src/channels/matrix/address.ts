/** Where a message goes: a room, or one thread of it. Written `!room:server` or `!room:server $root`. */
export interface Target {
  readonly roomId: string
  /** The event that the thread hangs on. */
  readonly threadRoot: string | null
}

export function formatAddress(roomId: string, threadRoot: string | null): string {
  return threadRoot === null ? roomId : `${roomId} ${threadRoot}`
}

/** Null: not the address of a room. Rooms of the newest version have no server in their id. */
export function parseAddress(address: string): Target | null {
  const match = /^(![^\s/]{1,255})(?: (\$[^\s]{1,255}))?$/.exec(address)
  return match ? { roomId: match[1]!, threadRoot: match[2] ?? null } : null
}

/** `@ada:example.org`: a person, whose private room is looked for. */
export function isUserId(address: string): boolean {
  return /^@[^\s:/]+:[^\s/]+$/.test(address)
}
