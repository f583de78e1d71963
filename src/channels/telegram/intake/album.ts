import type { Update } from 'grammy/types'
import type { InboundEvent } from '../../../conversation/receiver.ts'

/** What one update delivered, and the album that it belongs to. */
export interface Piece {
  readonly item: InboundEvent
  readonly album: string | null
}

/** Pieces of the largest album. @see https://core.telegram.org/bots/api#sendmediagroup */
const MAX_PIECES = 10

/**
 * Several pictures sent together come as as many messages, of which one carries the words. They
 * are one question: pieces of an album become one message under the first one's id, whatever others
 * wrote between them.
 */
export function joinAlbums(pieces: readonly Piece[]): readonly InboundEvent[] {
  const joined: Piece[] = []
  for (const piece of pieces) {
    const at = piece.album === null ? -1 : joined.findIndex(({ album }) => album === piece.album)
    const whole = at === -1 ? null : join(joined[at]!.item, piece.item)
    if (whole) joined[at] = { item: whole, album: piece.album }
    else joined.push(piece)
  }
  return joined.map((piece) => piece.item)
}

/** Updates that are read together: the pieces of one album that follow each other, and everything else alone. */
export function unitsOf(updates: readonly Update[]): ReadonlyArray<readonly Update[]> {
  const units: Update[][] = []
  for (const update of updates) {
    const album = update.message?.media_group_id
    const last = units.at(-1)
    if (last && album !== undefined && last[0]!.message?.media_group_id === album) last.push(update)
    else units.push([update])
  }
  return units
}

/** How many pieces of albums there are that may not have come whole yet. */
export function openPieces(updates: readonly Update[]): number {
  const counts = new Map<string, number>()
  for (const { message } of updates) {
    const album = message?.media_group_id
    if (album !== undefined) counts.set(album, (counts.get(album) ?? 0) + 1)
  }
  let open = 0
  for (const count of counts.values()) if (count < MAX_PIECES) open += count
  return open
}

/** One message of both; null: they are not by the same person at the same place. */
function join(first: InboundEvent, next: InboundEvent): InboundEvent | null {
  if (first.kind !== 'unread' || next.kind !== 'unread' || first.isEdit || next.isEdit) return null
  if (first.address !== next.address || first.person.id !== next.person.id) return null
  return {
    ...first,
    raw: () => `${first.raw()}\n${next.raw()}`,
    read: async () => joinWords(await first.read(), await next.read()),
  }
}

function joinWords(first: InboundEvent | null, next: InboundEvent | null): InboundEvent | null {
  if (first?.kind !== 'message' || next?.kind !== 'message') return first ?? next
  return {
    ...first,
    chat: { ...first.chat, addressed: first.chat.addressed || next.chat.addressed },
    text: [first.text, next.text].filter((text) => text !== '').join('\n'),
    attachments: [...first.attachments, ...next.attachments],
    unsupported: first.unsupported ?? next.unsupported,
  }
}
