import type { AcceptRequest, Arrival, HoldLimits } from '../../../inbox/arrival.ts'
import {
  needsOf,
  type ConversationState,
  type HoldFigures,
  type Needs,
  type Place,
} from '../../policy/accept.ts'
import { NEWEST_WAITING } from '../../policy/group.ts'
import { NO_END } from '../../policy/last-exchange.ts'
import { readConversationEnd } from '../../records/conversation-end.ts'
import { MESSAGE_COLUMNS, WAITING, type MessageRow } from '../../rows/rows.ts'
import type { Queryable } from '../connection/database.ts'
import { CONVERSATION_COLUMNS, observedOutage, type ConversationRow } from '../rows.ts'
import { runSteps } from '../run-steps.ts'
import type { WaitingTotal } from './waiting-total.ts'

/** The parts of a request that say what is read. */
export type LoadRequest = Pick<AcceptRequest, 'arrivals' | 'now' | 'outage' | 'limits'>

/** A conversation of an arrival; its row is locked. */
type State = ConversationState & { readonly row: ConversationRow }
type LockedPlace = Place & { readonly conversation: State | null }

interface Wanted {
  readonly channel: string
  readonly address: string
  readonly needs: Needs
}

/**
 * The rows that the arrivals of a transaction are decided from. Their conversations are locked in one order,
 * so that no two transactions deadlock. All texts that name something must be clean.
 */
export class ArrivalRows {
  readonly #places = new Map<string, LockedPlace>()
  /** A conversation that is read again stays the same object: earlier changes may refer to it. */
  readonly #conversations = new Map<number, ConversationRow>()
  /** How full the hold is; zeros without an outage. */
  readonly figures: HoldFigures = { observed: 0, total: 0 }

  find(channel: string, address: string): LockedPlace | null {
    return this.#places.get(addressKey(channel, address)) ?? null
  }

  /** Locks and reads what exists, and creates what is missing. Earlier changes must be written. */
  async load(tx: Queryable, request: LoadRequest, waitingTotal: WaitingTotal): Promise<void> {
    const wanted = wantedOf(request)
    if (wanted.length === 0) return
    const limits = wanted.some(({ needs }) => needs.figures) ? request.limits : null
    await Promise.all([
      this.#loadPlaces(tx, wanted, request, limits),
      limits && this.#loadFigures(tx, wanted, request.arrivals, limits, waitingTotal),
    ])
  }

  async #loadPlaces(
    tx: Queryable,
    wanted: readonly Wanted[],
    { arrivals, now }: LoadRequest,
    limits: HoldLimits | null,
  ): Promise<void> {
    await this.#read(tx, wanted, arrivals, limits)
    const missing = wanted.filter((place) => !this.#has(place))
    if (missing.length === 0) return
    await begin(tx, missing, now)
    // What was read before the locks were held is not protected by them.
    await this.#read(tx, wanted, arrivals, limits)
  }

  #has({ channel, address, needs }: Wanted): boolean {
    if (needs.place === 'known') return true
    const place = this.find(channel, address)
    return place !== null && (needs.place === 'address' || place.conversation !== null)
  }

  async #loadFigures(
    tx: Queryable,
    wanted: readonly Wanted[],
    arrivals: readonly Arrival[],
    limits: HoldLimits,
    waitingTotal: WaitingTotal,
  ): Promise<void> {
    // These arrivals may remove messages, so a count that stopped at the limit does not do.
    const withdraws = wanted.some(({ needs }) => needs.waiting === 'all')
    if (withdraws || arrivals.some(({ kind }) => kind === 'deletion')) {
      waitingTotal.forget()
    }
    const [observed, total] = await Promise.all([
      observedOutage(tx),
      waitingTotal.read(tx, limits.maxTotal + arrivals.length),
    ])
    Object.assign(this.figures, { observed, total })
  }

  /** Sent together; the server executes the statements in order, so that the reads are protected by the locks. */
  async #read(
    tx: Queryable,
    wanted: readonly Wanted[],
    arrivals: readonly Arrival[],
    limits: HoldLimits | null,
  ): Promise<void> {
    const whole = wanted.filter(({ needs }) => needs.waiting === 'all')
    const newest = wanted.filter(({ needs }) => needs.waiting === 'newest')
    const named = arrivals.flatMap(idsOf)
    const [locked, alone, found, all, last, counts] = await Promise.all([
      // A conversation that was folded into another one while we waited for its lock is left out here; the
      // next statement sees it gone.
      tx.query<ConversationRow & AddressRow>(LOCKED, listsOf(wanted)),
      tx.query<AddressRow>(ALONE, listsOf(wanted)),
      named.length === 0
        ? []
        : tx.query<DeliveryRow>(DELIVERIES, [
            ...listsOf(named),
            named.map(({ platformMessageId }) => platformMessageId),
          ]),
      whole.length === 0 ? [] : tx.query<WaitingRow>(WAITING_ROWS, listsOf(whole)),
      newest.length === 0
        ? []
        : tx.query<WaitingRow>(NEWEST_WAITING_ROWS, [...listsOf(newest), NEWEST_WAITING]),
      limits === null
        ? []
        : tx.query<CountRow>(COUNTS, [...listsOf(wanted), limits.maxPerConversation + arrivals.length]),
    ])
    this.#places.clear()
    const states = this.#addPlaces(locked, alone)
    for (const { key, n } of counts) {
      const state = states.get(key)
      if (state) state.count = n
    }
    // Two addresses of one conversation may need different ones.
    const wholly = new Set(all.map(({ conversation }) => conversation))
    const waiting = [...all, ...last.filter(({ conversation }) => !wholly.has(conversation))]
    for (const [key, rows] of Map.groupBy(waiting, ({ conversation }) => conversation)) {
      const state = states.get(key)
      if (state) state.waiting = rows
    }
    // Two reads of one message must be one row.
    const known = new Map<number, MessageRow>(waiting.map((row) => [row.key, row]))
    await this.#readEnds(tx, wanted, known)
    for (const { at_channel, at_address, named_id, conversation_id, digest, seen, ...row } of found) {
      this.find(at_channel, at_address)?.delivered.set(named_id, {
        message: row.key === null ? null : (known.get(row.key) ?? (row as MessageRow)),
        conversationId: conversation_id,
        digest,
        seen,
      })
    }
  }

  /** Their conversations are locked. @param known the rows that were read so far, by their keys */
  async #readEnds(tx: Queryable, wanted: readonly Wanted[], known: Map<number, MessageRow>): Promise<void> {
    const one = (row: MessageRow) => {
      if (!known.has(row.key)) known.set(row.key, row)
      return known.get(row.key)!
    }
    for (const { channel, address, needs } of wanted) {
      const state = this.find(channel, address)?.conversation
      if (!state || !needs.turns) continue
      const end = await runSteps(tx, readConversationEnd(state.row, needs.turns))
      state.answered = end.answered.map(one)
      state.asked = end.asked.map(one)
      state.withContext = end.withContext
    }
  }

  #addPlaces(
    locked: ReadonlyArray<ConversationRow & AddressRow>,
    alone: readonly AddressRow[],
  ): ReadonlyMap<number, State> {
    const states = new Map<number, State>()
    const add = ({ origin, at_channel, at_address }: AddressRow, conversation: State | null) =>
      this.#places.set(addressKey(at_channel, at_address), { origin, conversation, delivered: new Map() })
    for (const { origin, at_channel, at_address, ...row } of locked) {
      const conversation = Object.assign(this.#conversations.get(row.key) ?? row, row)
      this.#conversations.set(row.key, conversation)
      // Two addresses of one conversation must see one row.
      const state = states.get(row.key) ?? { row: conversation, waiting: [], count: 0, ...NO_END }
      states.set(row.key, state)
      add({ origin, at_channel, at_address }, state)
    }
    for (const row of alone) add(row, null)
    return states
  }
}

interface AddressRow {
  readonly origin: number
  readonly at_channel: string
  readonly at_address: string
}

type WaitingRow = MessageRow & { readonly conversation: number }

interface CountRow {
  readonly key: number
  readonly n: number
}

type DeliveryRow = Omit<MessageRow, 'key'> & {
  readonly key: number | null
  readonly at_channel: string
  readonly at_address: string
  readonly named_id: string
  readonly conversation_id: string | null
  readonly digest: string | null
  readonly seen: boolean
}

const ADDRESSES = `unnest($1::text[], $2::text[]) AS w (channel, address)
  JOIN hermes.addresses a ON a.channel = w.channel AND a.address = w.address`

const LOCKED = `SELECT a.key AS origin, a.channel AS at_channel, a.address AS at_address, ${CONVERSATION_COLUMNS}
  FROM ${ADDRESSES} JOIN hermes.conversations c ON c.key = a.conversation ORDER BY c.key FOR UPDATE OF c`

/** Keys count from 1. With IS NULL the addresses of all strangers may be read, through the index of conversations. */
const WITHOUT_CONVERSATION = 'coalesce(a.conversation, 0) = 0'

const ALONE = `SELECT a.key AS origin, a.channel AS at_channel, a.address AS at_address FROM ${ADDRESSES}
  WHERE ${WITHOUT_CONVERSATION}`

/**
 * The first deliveries under the ids of the arrivals, and what was turned away under them. Each is one row of a
 * unique index; without the limits all rows of an address may be read, if addresses have few on average.
 */
const DELIVERIES = `SELECT a.channel AS at_channel, a.address AS at_address, w.platform_id AS named_id,
    c.id AS conversation_id, d.digest, s.at IS NOT NULL AS seen, m.*
  FROM unnest($1::text[], $2::text[], $3::text[]) AS w (channel, address, platform_id)
  JOIN hermes.addresses a ON a.channel = w.channel AND a.address = w.address
  LEFT JOIN LATERAL (SELECT ${MESSAGE_COLUMNS}, conversation FROM hermes.messages
    WHERE origin = a.key AND platform_id = w.platform_id LIMIT 1) m ON true
  LEFT JOIN hermes.conversations c ON c.key = m.conversation
  LEFT JOIN hermes.contexts d ON d.message = m.key
  LEFT JOIN LATERAL (SELECT at FROM hermes.seen
    WHERE origin = a.key AND platform_id = w.platform_id LIMIT 1) s ON true
  WHERE m.key IS NOT NULL OR s.at IS NOT NULL`

const WAITING_ROWS = `SELECT ${MESSAGE_COLUMNS}, conversation FROM hermes.messages
  WHERE conversation IN (SELECT a.conversation FROM ${ADDRESSES}) AND ${WAITING} ORDER BY conversation, seq`

const NEWEST_WAITING_ROWS = `SELECT m.* FROM (SELECT DISTINCT a.conversation AS key FROM ${ADDRESSES}
    WHERE a.conversation IS NOT NULL) c
  CROSS JOIN LATERAL (SELECT ${MESSAGE_COLUMNS}, conversation FROM hermes.messages
    WHERE conversation = c.key AND ${WAITING} ORDER BY seq DESC LIMIT $3) m
  ORDER BY m.conversation, m.seq`

const COUNTS = `SELECT a.conversation AS key, (SELECT count(*) FROM (SELECT 1 FROM hermes.messages m
    WHERE m.conversation = a.conversation AND m.${WAITING} AND m.state <> 'answering' LIMIT $3) w) AS n
  FROM ${ADDRESSES} WHERE a.conversation IS NOT NULL`

/** Several transactions may create the same rows at once: the first one inserts them, the others find them. */
async function begin(tx: Queryable, missing: readonly Wanted[], now: number): Promise<void> {
  await tx.query(
    `INSERT INTO hermes.addresses (channel, address)
       SELECT w.channel, w.address FROM unnest($1::text[], $2::text[]) AS w (channel, address)
       ORDER BY 1, 2 ON CONFLICT DO NOTHING`,
    listsOf(missing),
  )
  const conversations = listsOf(missing.filter(({ needs }) => needs.place === 'conversation'))
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
         WHERE a.channel = w.channel AND a.address = w.address AND ${WITHOUT_CONVERSATION}`,
      conversations,
    ),
  ])
}

function listsOf(
  wanted: ReadonlyArray<{ readonly channel: string; readonly address: string }>,
): readonly [readonly string[], readonly string[]] {
  return [wanted.map(({ channel }) => channel), wanted.map(({ address }) => address)]
}

/** The ids under which something may have been delivered before. */
function idsOf(arrival: Arrival) {
  if (arrival.kind === 'moved') return []
  return ['message' in arrival ? arrival.message : arrival]
}

const STRENGTH: Readonly<Record<Needs['place'], number>> = { known: 0, address: 1, conversation: 2 }
const EXTENT: Readonly<Record<Needs['waiting'], number>> = { none: 0, newest: 1, all: 2 }

/** Each address once, with all that its arrivals need. */
function wantedOf({ arrivals, outage }: LoadRequest): readonly Wanted[] {
  const wanted = new Map<string, Wanted>()
  const add = (channel: string, address: string, needs: Needs) => {
    const key = addressKey(channel, address)
    const before = wanted.get(key)?.needs ?? needs
    const place = STRENGTH[before.place] >= STRENGTH[needs.place] ? before.place : needs.place
    const waiting = EXTENT[before.waiting] >= EXTENT[needs.waiting] ? before.waiting : needs.waiting
    const figures = before.figures || needs.figures
    // Each command of a delivery may remove one from the end.
    const turns = (wanted.get(key)?.needs.turns ?? 0) + (needs.turns ?? 0)
    wanted.set(key, { channel, address, needs: { place, waiting, figures, turns } })
  }
  for (const arrival of arrivals) {
    const needs = needsOf(arrival, outage)
    if (arrival.kind === 'moved') {
      for (const address of [arrival.from, arrival.to]) add(arrival.channel, address, needs)
    } else {
      for (const { channel, address } of idsOf(arrival)) add(channel, address, needs)
    }
  }
  return [...wanted.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, place]) => place)
}

function addressKey(channel: string, address: string): string {
  return `${channel}\n${address}`
}
