import type { InboundEvent } from '../../../conversation/receiver.ts'

/** What one update delivered, and the album that it belongs to. */
export interface Piece {
  readonly item: InboundEvent
  readonly album: string | null
}

/**
 * Several pictures sent together come as as many messages, of which one carries the words. They
 * are one question: pieces of an album that follow one another become one message under the
 * first one's id. What comes in a later batch stays a message of its own.
 */
export function joinAlbums(pieces: readonly Piece[]): readonly InboundEvent[] {
  const joined: Piece[] = []
  for (const piece of pieces) {
    const last = joined.at(-1)
    const whole =
      last && last.album !== null && last.album === piece.album ? join(last.item, piece.item) : null
    if (whole) joined[joined.length - 1] = { item: whole, album: piece.album }
    else joined.push(piece)
  }
  return joined.map((piece) => piece.item)
}

function join(first: InboundEvent, next: InboundEvent): InboundEvent | null {
  if (first.kind !== 'message' || next.kind !== 'message') return null
  if (first.address !== next.address || first.person.id !== next.person.id) return null
  return {
    ...first,
    chat: { ...first.chat, addressed: first.chat.addressed || next.chat.addressed },
    text: [first.text, next.text].filter((text) => text !== '').join('\n'),
    attachments: [...first.attachments, ...next.attachments],
    unsupported: first.unsupported ?? next.unsupported,
  }
}
