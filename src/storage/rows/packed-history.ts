import type { AttachmentInfo, StoredMessage } from '../../inbox/message.ts'

/** Messages read first to find the cut; more only where the limit is far away. */
export const FIRST_READ = 128

/** The position of a message in the history, and its characters. */
export type Placed = readonly [place: number, length: number]

/**
 * The place of the oldest turn that still fits, whole, into `limit` characters, looking back over
 * messages that are given newest first; null = none does. A turn's place is that of its answer:
 * a message that arrived while an earlier one was being answered must not come between a question and its answer.
 *
 * @returns `cut` false: all that were given fit, and so may what is older
 */
export function oldestWithin(
  messages: readonly Placed[],
  limit: number,
): { readonly from: number | null; readonly cut: boolean } {
  let characters = 0
  let turn: number | null = null
  let complete: number | null = null
  for (const [place, length] of messages) {
    if (place !== turn) complete = turn
    turn = place
    characters += length
    if (characters > limit) return { from: complete, cut: true }
  }
  return { from: turn, cut: false }
}

/**
 * A message of the history as a database packs it: a quarter of the bytes of an object. The form of its
 * attachments depends on the database.
 */
export type PackedMessage<Attachments> = readonly [
  id: string,
  seq: number,
  role: StoredMessage['role'],
  text: string,
  preface: string | null,
  platformId: string | null,
  personId: string | null,
  personName: string | null,
  attachments: Attachments | null,
  at: number,
  answeredBy: string | null,
  revision: number,
]

/** What a database packed, as messages. */
export function unpackHistory<Attachments>(
  packed: ReadonlyArray<PackedMessage<Attachments>>,
  conversationId: string,
  readAttachments: (attachments: Attachments) => readonly AttachmentInfo[],
): readonly StoredMessage[] {
  return packed.map(
    ([
      id,
      seq,
      role,
      text,
      preface,
      platformId,
      personId,
      personName,
      attachments,
      at,
      answeredBy,
      revision,
    ]) => ({
      id,
      conversationId,
      seq,
      role,
      text,
      preface,
      state: 'answered',
      reason: null,
      platformMessageId: platformId,
      personId,
      personName,
      attachments: attachments === null ? [] : readAttachments(attachments),
      at,
      answeredBy,
      revision,
    }),
  )
}
