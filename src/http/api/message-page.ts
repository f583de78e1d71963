import type { Conversations } from '../../conversation/conversations.ts'
import type { ConversationId, StoredMessage } from '../../inbox/message.ts'

/** Of the rows of one page: many times what a screen shows, and too little for many readers to fill the memory. */
const MAX_BYTES = 1024 * 1024
/** What a row takes besides its text. */
const ROW_BYTES = 256
/** Rows read at once: twice as many as before, from as many of the longest messages as fill a page. */
const FIRST_BATCH = 16
const LARGEST_BATCH = 64

export interface RowsOfPage {
  /** In order. */
  readonly rows: readonly StoredMessage[]
  /** About as long as they are when they are written. */
  readonly bytes: number
  /** There are rows before the first one. */
  readonly hasEarlier: boolean
}

/** The newest rows before `beforeSeq` (null: the end), at most `limit` of them and 1 MiB; always one if there is one. */
export async function readPage(
  conversations: Pick<Conversations, 'messages'>,
  conversationId: ConversationId,
  { limit, beforeSeq }: { readonly limit: number; readonly beforeSeq: number | null },
): Promise<RowsOfPage> {
  const newestFirst: StoredMessage[] = []
  let bytes = 0
  let batchSize = FIRST_BATCH
  for (let before = beforeSeq; ;) {
    // One more than asked for shows whether there is an earlier one.
    const wanted = Math.min(batchSize, limit + 1 - newestFirst.length)
    const batch = await conversations.messages(conversationId, { limit: wanted, beforeSeq: before })
    for (const row of batch.toReversed()) {
      const rowBytes = ROW_BYTES + Buffer.byteLength(row.text)
      const isFull = newestFirst.length === limit || (bytes + rowBytes > MAX_BYTES && newestFirst.length > 0)
      if (isFull) return { rows: newestFirst.toReversed(), bytes, hasEarlier: true }
      newestFirst.push(row)
      bytes += rowBytes
    }
    if (batch.length < wanted) return { rows: newestFirst.toReversed(), bytes, hasEarlier: false }
    before = batch[0]!.seq
    batchSize = Math.min(LARGEST_BATCH, 2 * batchSize)
  }
}
