import type { Arrival } from '../../../inbox/arrival.ts'
import type { Queryable } from '../connection/database.ts'
import { clean } from '../connection/statements.ts'
import { CONVERSATION_COLUMNS, type ConversationRow } from '../rows.ts'

/** An address of a platform at which messages arrive. */
export interface LockedAddress {
  /** The key of the address. */
  readonly origin: number
  /** Its row is locked; null = the address has no conversation yet. */
  conversation: ConversationRow | null
}

/** What must exist at an address before its arrivals are handled. */
type Need = 'known' | 'address' | 'conversation'

interface Wanted {
  readonly channel: string
  readonly address: string
  readonly need: Need
}

/**
 * The addresses of a transaction's arrivals. Their conversations are locked in one order, so that no two
 * transactions deadlock.
 */
export class AddressLocks {
  readonly #locked = new Map<string, LockedAddress>()

  find(channel: string, address: string): LockedAddress | null {
    return this.#locked.get(addressKey(channel, address)) ?? null
  }

  /** An address for which `open` has ensured that a conversation exists. */
  at(channel: string, address: string): LockedAddress & { readonly conversation: ConversationRow } {
    return this.find(channel, address) as LockedAddress & { readonly conversation: ConversationRow }
  }

  /** One conversation was folded into another: its addresses now lead to `by`. */
  replace(gone: ConversationRow, by: ConversationRow): void {
    for (const place of this.#locked.values()) {
      if (place.conversation?.key === gone.key) place.conversation = by
    }
  }

  /**
   * Locks the rows that exist and creates the missing ones.
   *
   * @returns whether all existed; if not, anything read at the same time was not protected by the locks
   */
  async open(tx: Queryable, arrivals: readonly Arrival[], now: number): Promise<boolean> {
    const wanted = wantedOf(arrivals)
    await this.#lock(tx, wanted)
    const missing = wanted.filter((place) => !this.#has(place))
    if (missing.length === 0) return true
    await begin(tx, missing, now)
    await this.#lock(tx, wanted)
    return false
  }

  #has({ channel, address, need }: Wanted): boolean {
    if (need === 'known') return true
    const place = this.find(channel, address)
    return place !== null && (need === 'address' || place.conversation !== null)
  }

  /**
   * A conversation that was folded into another while we waited for its lock is left out of the
   * first statement; the second one sees it gone.
   */
  async #lock(tx: Queryable, wanted: readonly Wanted[]): Promise<void> {
    this.#locked.clear()
    const params = listsOf(wanted)
    const [locked, alone] = await Promise.all([
      tx.query<ConversationRow & AddressRow>(
        `SELECT a.key AS origin, a.channel AS at_channel, a.address AS at_address, ${CONVERSATION_COLUMNS}
           FROM unnest($1::text[], $2::text[]) AS w (channel, address)
           JOIN hermes.addresses a ON a.channel = w.channel AND a.address = w.address
           JOIN hermes.conversations c ON c.key = a.conversation ORDER BY c.key FOR UPDATE OF c`,
        params,
      ),
      tx.query<AddressRow>(
        `SELECT a.key AS origin, a.channel AS at_channel, a.address AS at_address
           FROM unnest($1::text[], $2::text[]) AS w (channel, address)
           JOIN hermes.addresses a ON a.channel = w.channel AND a.address = w.address
           WHERE a.conversation IS NULL`,
        params,
      ),
    ])
    const shared = new Map<number, ConversationRow>()
    for (const { origin, at_channel, at_address, ...row } of locked) {
      // Two addresses of one conversation must see one row.
      const conversation = shared.get(row.key) ?? row
      shared.set(row.key, conversation)
      this.#locked.set(addressKey(at_channel, at_address), { origin, conversation })
    }
    for (const { origin, at_channel, at_address } of alone) {
      this.#locked.set(addressKey(at_channel, at_address), { origin, conversation: null })
    }
  }
}

interface AddressRow {
  readonly origin: number
  readonly at_channel: string
  readonly at_address: string
}

/** Several transactions may create the same rows at once: the first one inserts them, the others find them. */
async function begin(tx: Queryable, missing: readonly Wanted[], now: number): Promise<void> {
  await tx.query(
    `INSERT INTO hermes.addresses (channel, address)
       SELECT w.channel, w.address FROM unnest($1::text[], $2::text[]) AS w (channel, address)
       ORDER BY 1, 2 ON CONFLICT DO NOTHING`,
    listsOf(missing),
  )
  const conversations = listsOf(missing.filter(({ need }) => need === 'conversation'))
  if (conversations[0]!.length === 0) return
  await Promise.all([
    tx.query(
      `INSERT INTO hermes.conversations (id, channel, address, last_at)
         SELECT w.channel || ':' || w.address, w.channel, w.address, $3
         FROM unnest($1::text[], $2::text[]) AS w (channel, address)
         ORDER BY 1 ON CONFLICT DO NOTHING`,
      [...conversations, now],
    ),
    tx.query(
      `UPDATE hermes.addresses a SET conversation = c.key
         FROM unnest($1::text[], $2::text[]) AS w (channel, address)
         JOIN hermes.conversations c ON c.id = w.channel || ':' || w.address
         WHERE a.channel = w.channel AND a.address = w.address AND a.conversation IS NULL`,
      conversations,
    ),
  ])
}

function listsOf(wanted: readonly Wanted[]): readonly [readonly string[], readonly string[]] {
  return [wanted.map(({ channel }) => channel), wanted.map(({ address }) => address)]
}

const STRENGTH: Readonly<Record<Need, number>> = { known: 0, address: 1, conversation: 2 }

function wantedOf(arrivals: readonly Arrival[]): readonly Wanted[] {
  const wanted = new Map<string, Wanted>()
  const add = (channel: string, address: string, need: Need) => {
    const key = addressKey(channel, address)
    const known = wanted.get(key)
    if (known && STRENGTH[known.need] >= STRENGTH[need]) return
    wanted.set(key, { channel: clean(channel), address: clean(address), need })
  }
  for (const arrival of arrivals) {
    if (arrival.kind === 'moved') {
      add(arrival.channel, arrival.from, 'known')
      add(arrival.channel, arrival.to, 'known')
    } else if (arrival.kind === 'message' || arrival.kind === 'command')
      add(arrival.message.channel, arrival.message.address, 'conversation')
    else if (arrival.kind === 'turned-away')
      add(arrival.channel, arrival.address, arrival.reply === null ? 'address' : 'conversation')
    else add(arrival.channel, arrival.address, 'known')
  }
  return [...wanted.values()].toSorted((a, b) =>
    addressKey(a.channel, a.address) < addressKey(b.channel, b.address) ? -1 : 1,
  )
}

function addressKey(channel: string, address: string): string {
  return clean(`${channel}\n${address}`)
}
