import {
  type Accepted,
  type AcceptRequest,
  type Arrival,
  type IncomingMessage,
  NOT_STORED,
} from '../../../inbox/arrival.ts'
import type { MessageState } from '../../../inbox/message.ts'
import { StoreError } from '../../../support/errors.ts'
import { admit, arrivingMessage, fromPerson, noticeOnArrival } from '../../policy/admission.ts'
import { WAITING } from '../../rows/message-row.ts'
import type { Transaction } from '../connection/database.ts'
import { clean } from '../connection/statements.ts'
import { MESSAGE_COLUMNS, observedOutage, type ConversationRow, type MessageRow } from '../rows.ts'
import { AddressLocks } from './address-locks.ts'
import { Deliveries } from './deliveries.ts'
import { moveAddress } from './move-address.ts'
import { withdrawAll } from './withdraw.ts'
import { Work, type StoreContext } from './work.ts'

/** Stores what a platform delivered, and how far its stream was read. See `Inbox.accept`. */
export async function accept(
  tx: Transaction,
  context: StoreContext,
  request: AcceptRequest,
): Promise<readonly Accepted[]> {
  const acceptance = new Acceptance(new Work(tx, context), request)
  return await acceptance.run()
}

class Acceptance {
  readonly #work: Work
  readonly #request: AcceptRequest
  readonly #addresses = new AddressLocks()
  readonly #deliveries: Deliveries
  /** How many messages wait in a conversation, by its key; counted on first use. */
  readonly #waiting = new Map<number, number>()

  constructor(work: Work, request: AcceptRequest) {
    this.#work = work
    this.#request = request
    this.#deliveries = new Deliveries(request.arrivals)
  }

  async run(): Promise<readonly Accepted[]> {
    const { arrivals, cursors, now, fence } = this.#request
    const { tx } = this.#work
    // Sent together; the server executes them in order, so that the reads are protected by the locks.
    const [known] = await Promise.all([
      arrivals.length === 0 || this.#addresses.open(tx, arrivals, now),
      this.#deliveries.load(tx),
      fence && refuseFormerHolder(tx, fence),
    ])
    if (!known) await this.#deliveries.load(tx)
    const results: Accepted[] = []
    for (const arrival of arrivals) results.push(await this.#one(arrival))
    for (const cursor of cursors) this.#work.cursor(cursor)
    await this.#work.commit()
    return results
  }

  async #one(arrival: Arrival): Promise<Accepted> {
    switch (arrival.kind) {
      case 'message':
        return this.#duplicateOf(arrival.message) ?? (await this.#message(arrival.message))
      case 'command':
        return this.#duplicateOf(arrival.message) ?? (await this.#command(arrival))
      case 'edit':
        return await this.#changeWaiting(arrival, async (row) => {
          await this.#work.tx.query(
            `UPDATE hermes.messages SET text = $1, revision = nextval('hermes.revision') WHERE key = $2`,
            [clean(arrival.text), row.key],
          )
          return row.state
        })
      case 'deletion':
        return await this.#changeWaiting(arrival, (row) => {
          this.#work.change(row, { state: 'withdrawn', reason: null })
          this.#work.context.waitingTotal.forget()
          this.#waiting.clear()
          return 'withdrawn'
        })
      case 'turned-away':
        return await this.#turnAway(arrival)
      case 'moved': {
        const conversation = await moveAddress(this.#work, this.#addresses, arrival)
        this.#waiting.clear()
        return { ...NOT_STORED, conversationId: conversation?.id ?? null }
      }
    }
  }

  /** What became of the first delivery of this message; null = this is the first. */
  #duplicateOf(message: IncomingMessage): Accepted | null {
    const known = this.#deliveries.find(message.channel, message.address, message.platformMessageId)
    if (!known) return null
    const { digest, ...first } = known
    if (first.messageId !== null) {
      const conflict = message.context !== undefined && message.context.digest !== digest
      return { ...NOT_STORED, ...first, duplicate: true, ...(conflict ? { conflict } : {}) }
    }
    const { conversation } = this.#addresses.at(message.channel, message.address)
    return { ...NOT_STORED, conversationId: conversation.id, duplicate: true }
  }

  async #message(message: IncomingMessage): Promise<Accepted> {
    const work = this.#work
    const { now, outage } = this.#request
    const { origin, conversation } = this.#addresses.at(message.channel, message.address)
    const holdFull = outage !== null && (await this.#isHoldFull(conversation))
    const admission = admit(outage, holdFull)
    const { state } = admission
    const inserted = work.insert(conversation, {
      ...arrivingMessage(message, origin, now, admission),
      heldBase: state === 'held' ? await observedOutage(work.tx) : null,
    })
    work.rememberParticipant(conversation, message.personId)
    if (state === 'received') work.wake(conversation)
    if (!holdFull) this.#arrived(conversation)
    const notice = noticeOnArrival(conversation, message, admission, this.#request)
    let outbox = false
    if (notice) {
      Object.assign(conversation, notice.told)
      outbox = work.notify(conversation, notice.text, { replyTo: notice.replyTo, at: now }).outbox
    }
    const accepted = { conversationId: conversation.id, messageId: inserted.id, state, holdFull }
    this.#deliveries.add(message, { ...accepted, digest: message.context?.digest ?? null })
    return { ...NOT_STORED, ...accepted, outbox }
  }

  async #isHoldFull(conversation: ConversationRow): Promise<boolean> {
    const { limits } = this.#request
    if ((await this.#waitingIn(conversation, limits.maxPerConversation)) >= limits.maxPerConversation)
      return true
    const { waitingTotal } = this.#work.context
    return (await waitingTotal.read(this.#work.tx, limits.maxTotal)) >= limits.maxTotal
  }

  async #waitingIn(conversation: ConversationRow, limit: number): Promise<number> {
    const known = this.#waiting.get(conversation.key)
    if (known !== undefined) return known
    await this.#work.flush()
    const [row] = await this.#work.tx.query<{ n: number }>(
      `SELECT count(*) AS n FROM (SELECT 1 FROM hermes.messages WHERE conversation = $1 AND ${WAITING}
         AND state <> 'answering' LIMIT $2) w`,
      [conversation.key, limit],
    )
    this.#waiting.set(conversation.key, row!.n)
    return row!.n
  }

  #arrived(conversation: ConversationRow): void {
    const known = this.#waiting.get(conversation.key)
    if (known !== undefined) this.#waiting.set(conversation.key, known + 1)
    this.#work.context.waitingTotal.arrived()
  }

  /** The command, its effect and its reply, at once; the command itself is not part of the history. */
  async #command(command: Extract<Arrival, { kind: 'command' }>): Promise<Accepted> {
    const work = this.#work
    const { now } = this.#request
    const { message, effect } = command
    const { origin, conversation } = this.#addresses.at(message.channel, message.address)
    const withdrawn = effect?.withdrawWaiting ? await withdrawAll(work, conversation) : 0
    this.#waiting.clear()
    const stored = work.insert(conversation, {
      ...fromPerson(message, origin, now),
      state: 'answered',
      command: true,
    })
    work.rememberParticipant(conversation, message.personId)
    if (effect?.model !== undefined) conversation.model = effect.model
    const reply = work.notify(conversation, command.reply, { replyTo: message.platformMessageId, at: now })
    work.answeredBy(stored.id, reply.id)
    if (effect?.clearHistory) {
      conversation.history_from = conversation.next_seq
      conversation.history_characters = 0
      await work.tx.query('DELETE FROM hermes.summaries WHERE conversation = $1', [conversation.key])
    }
    const accepted = { conversationId: conversation.id, messageId: stored.id, state: 'answered' as const }
    this.#deliveries.add(message, { ...accepted, holdFull: false, digest: null })
    return { ...NOT_STORED, ...accepted, outbox: reply.outbox, withdrawn }
  }

  /** Changes a message that is not being answered yet. */
  async #changeWaiting(
    arrival: { readonly channel: string; readonly address: string; readonly platformMessageId: string },
    change: (row: MessageRow) => MessageState | Promise<MessageState>,
  ): Promise<Accepted> {
    const place = this.#addresses.find(arrival.channel, arrival.address)
    if (!place?.conversation) return NOT_STORED
    const conversationId = place.conversation.id
    await this.#work.flush()
    const [row] = await this.#work.tx.query<MessageRow>(
      `SELECT ${MESSAGE_COLUMNS} FROM hermes.messages
         WHERE origin = $1 AND platform_id = $2 AND state IN ('received', 'held')`,
      [place.origin, clean(arrival.platformMessageId)],
    )
    if (!row) return { ...NOT_STORED, conversationId }
    const state = await change(row)
    this.#deliveries.changed(arrival, state)
    return { ...NOT_STORED, conversationId, messageId: row.id, state }
  }

  /**
   * Stores only the id of what must not enter the inbox. An id that belongs to a stored message is an
   * edit of it, and gets its reply.
   */
  async #turnAway(arrival: Extract<Arrival, { kind: 'turned-away' }>): Promise<Accepted> {
    const { now } = this.#request
    const { origin, conversation } = this.#addresses.find(arrival.channel, arrival.address)!
    const first = await this.#work.tx.query(
      `INSERT INTO hermes.seen (origin, platform_id, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING 1`,
      [origin, clean(arrival.platformMessageId), now],
    )
    if (first.length === 0)
      return { ...NOT_STORED, conversationId: conversation?.id ?? null, duplicate: true }
    this.#deliveries.turnedAway(arrival)
    if (arrival.reply === null || !conversation) return NOT_STORED
    const sending = { replyTo: arrival.platformMessageId, at: now }
    const { outbox } = this.#work.notify(conversation, arrival.reply, sending)
    return { ...NOT_STORED, conversationId: conversation.id, outbox }
  }
}

/**
 * A process that held the channel, was suspended and resumes after another process took over must not store anything.
 * The row stays locked against a new holder until the commit.
 */
async function refuseFormerHolder(
  tx: Transaction,
  { name, fence }: NonNullable<AcceptRequest['fence']>,
): Promise<void> {
  const rows = await tx.query('SELECT 1 FROM hermes.leases WHERE name = $1 AND fence = $2 FOR SHARE', [
    name,
    fence,
  ])
  if (rows.length === 0) throw new StoreError(`another process holds ${name} now`)
}
