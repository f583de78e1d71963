import type { Accepted, Arrival } from '../../../inbox/arrival.ts'
import { type MessageState, HOLD_FULL } from '../../../inbox/message.ts'
import type { Queryable } from '../connection/database.ts'
import { clean } from '../connection/statements.ts'

/** What became of the first delivery; all null = it was turned away. */
export type Known = Pick<Accepted, 'conversationId' | 'messageId' | 'state' | 'holdFull'> & {
  /** The digest of its context; null = it had none. */
  readonly digest: string | null
}

const TURNED_AWAY: Known = {
  conversationId: null,
  messageId: null,
  state: null,
  holdFull: false,
  digest: null,
}

interface Found {
  readonly channel: string
  readonly address: string
  readonly platform_id: string
  readonly id: string | null
  readonly state: MessageState | null
  readonly reason: string | null
  readonly conversation: string | null
  readonly digest: string | null
}

interface Named {
  readonly channel: string
  readonly address: string
  readonly platformMessageId: string
}

/** Which messages of a transaction's arrivals were delivered before, in it or earlier. */
export class Deliveries {
  readonly #asked: readonly Named[]
  readonly #known = new Map<string, Known>()

  constructor(arrivals: readonly Arrival[]) {
    this.#asked = arrivals.flatMap((arrival) => ('message' in arrival ? [arrival.message] : []))
  }

  async load(tx: Queryable): Promise<void> {
    if (this.#asked.length === 0) return
    const rows = await tx.query<Found>(
      `SELECT w.channel, w.address, w.platform_id, m.id, m.state, m.reason, c.id AS conversation, d.digest
         FROM unnest($1::text[], $2::text[], $3::text[]) AS w (channel, address, platform_id)
         JOIN hermes.addresses a ON a.channel = w.channel AND a.address = w.address
         LEFT JOIN hermes.messages m ON m.origin = a.key AND m.platform_id = w.platform_id
         LEFT JOIN hermes.conversations c ON c.key = m.conversation
         LEFT JOIN hermes.contexts d ON d.message = m.key
         LEFT JOIN hermes.seen s ON s.origin = a.key AND s.platform_id = w.platform_id
         WHERE m.key IS NOT NULL OR s.at IS NOT NULL`,
      [
        this.#asked.map(({ channel }) => clean(channel)),
        this.#asked.map(({ address }) => clean(address)),
        this.#asked.map(({ platformMessageId }) => clean(platformMessageId)),
      ],
    )
    for (const row of rows) {
      this.#known.set(deliveryKey(row.channel, row.address, row.platform_id), {
        conversationId: row.conversation,
        messageId: row.id,
        state: row.state,
        holdFull: row.reason === HOLD_FULL,
        digest: row.digest,
      })
    }
  }

  find(channel: string, address: string, platformId: string): Known | null {
    return this.#known.get(deliveryKey(channel, address, platformId)) ?? null
  }

  add({ channel, address, platformMessageId }: Named, known: Known): void {
    this.#known.set(deliveryKey(channel, address, platformMessageId), known)
  }

  turnedAway(named: Named): void {
    if (!this.find(named.channel, named.address, named.platformMessageId)) this.add(named, TURNED_AWAY)
  }

  /** A message of the same transaction was withdrawn. */
  changed(named: Named, state: MessageState): void {
    const known = this.find(named.channel, named.address, named.platformMessageId)
    if (known) this.add(named, { ...known, state })
  }
}

function deliveryKey(channel: string, address: string, platformId: string): string {
  return clean(`${channel}\n${address}\n${platformId}`)
}
