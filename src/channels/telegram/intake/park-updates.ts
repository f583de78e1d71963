import type { Update } from 'grammy/types'
import type { InboundEvent, Receiver } from '../../../conversation/receiver.ts'
import { looksLikeSignInPaste } from '../../../support/text/token-shape.ts'
import { parkedItem, type ParkingCause } from '../../kit/intake/rereader.ts'

/** Far above any update with one message of a person, and little in a database. */
const MAX_KEPT_BYTES = 64 * 1024

export interface UpdatesToPark {
  readonly receiver: Pick<Receiver, 'mayTalk'>
  /** Those of one message: the pieces of an album, or a single one. */
  readonly updates: readonly Update[]
  /** What they deliver, as outlines; none where even these are not to be read. */
  readonly items: readonly InboundEvent[]
  readonly cause: ParkingCause
  readonly at: number
}

/**
 * Telegram gives an update once: what was confirmed is gone there. So the updates themselves are kept, as
 * they came, unless they are of somebody without access, or hold something that looks like a secret.
 *
 * @throws StoreError
 */
export async function parkUpdates(parking: UpdatesToPark): Promise<InboundEvent> {
  const { updates, items, cause, at } = parking
  const first = items.find((item) => 'address' in item)
  const known = {
    channel: 'telegram',
    place: first?.address ?? null,
    input: String(updates[0]!.update_id),
    at,
  }
  if (items.length === 0 || !(await mayBeKept(parking))) return parkedItem(known, cause)
  const texts: string[] = []
  const raw = JSON.stringify(updates, (_key, value: unknown) => {
    if (typeof value === 'string') texts.push(value)
    return value
  })
  // What it replies to or quotes is in it as well.
  if (Buffer.byteLength(raw) > MAX_KEPT_BYTES || texts.some(looksLikeSignInPaste))
    return parkedItem(known, cause)
  const personId = first && 'person' in first ? first.person.id : null
  return parkedItem({ ...known, raw, personId }, cause)
}

async function mayBeKept({ receiver, items }: UpdatesToPark): Promise<boolean> {
  for (const item of items) {
    if (item.kind === 'unread' && looksLikeSignInPaste(item.raw())) return false
    if ('text' in item && looksLikeSignInPaste(item.text)) return false
    if ('person' in item && !(await receiver.mayTalk('telegram', item.person, item.chat))) return false
  }
  return true
}

/** What was kept; null = nothing. */
export function readUpdates(raw: string | null): readonly Update[] | null {
  return raw === null ? null : (JSON.parse(raw) as readonly Update[])
}
