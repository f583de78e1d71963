import type { ImapFlow, MailboxObject } from 'imapflow'
import type { InboundEvent, Receiver } from '../../../conversation/receiver.ts'
import type { Cursor } from '../../../inbox/arrival.ts'
import type { ParkedInput } from '../../../inbox/parked-inputs.ts'
import { DAY, MINUTE, SECOND, type Clock } from '../../../support/clock.ts'
import { messageOf, RowRefused, TransientError } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import { STORE_TRIES, IntakeLoop, type IntakeStatus } from '../../kit/intake/intake-loop.ts'
import { ReadingMark } from '../../kit/intake/reading-mark.ts'
import { causeOf, parkedItem, type ParkingCause } from '../../kit/intake/rereader.ts'
import { isStoreTrouble } from '../../kit/retry.ts'
import { imapTrouble } from '../failure.ts'
import type { MessageId } from '../send/thread.ts'
import { imapClient, type ImapAccount } from './imap-client.ts'
import { SUMMARY, summaryOf, type MailSummary } from './mail-summary.ts'
import {
  positionAfter,
  formatPosition,
  parsePosition,
  windowOf,
  type Position,
  type Window,
} from './position.ts'
import { Signal } from './signal.ts'

/** What an answer needs of the mail that it answers. */
export interface AnsweredMail {
  readonly subject: string
  readonly references: string
}

export interface MailboxOptions extends ImapAccount {
  /** The folder that is read. */
  readonly mailbox: string
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  /** A cursor as it was stored last. @throws StoreError */
  readonly readCursor: (name: string) => Promise<string | null>
  /** Stores a cursor that comes with nothing. Durable when it resolves. @throws StoreError */
  readonly writeCursor: (name: string, value: string) => Promise<void>
  /** What a mail delivers; null = nothing. Throws only what `MailSummary.source` throws. */
  readonly read: (mail: MailSummary) => Promise<InboundEvent | null>
  readonly onStatus: (status: IntakeStatus) => void
  /** The longest silence in IDLE before the server has to show that it is still there. */
  readonly idleMs?: number
  /** How long a short command may stay unanswered. */
  readonly answerMs?: number
}

/** When the gateway first read this mailbox: older mail is not answered. */
const BEGUN_CURSOR = 'begun'
/** When a mail was stored last. */
const SEEN_CURSOR = 'seen'

/**
 * Far below the 29 minutes after which servers may hang up (RFC 2177 §3), and below the few minutes
 * after which routers forget a silent connection: that is noticed within this time and `ANSWER_MS`.
 */
const IDLE_MS = MINUTE
/** The polling interval where the server has no IDLE. */
const POLL_MS = 30 * SECOND
/** A server that leaves a short command unanswered for so long is gone. */
const ANSWER_MS = 20 * SECOND
/** Mails whose headers are fetched at once: some hundred kilobytes. */
const PAGE = 50

/**
 * Reads a folder from the stored position on, waits for news with IDLE, and comes back after every
 * break. The position moves in the transaction that stores the mail; \Seen, which people see in their
 * mail program, is set after that and means nothing to us. Nothing is ever deleted.
 *
 * @see RFC 9051, RFC 2177
 */
export class Mailbox {
  readonly #options: MailboxOptions
  #client: ImapFlow | null = null
  #news = new Signal()
  #position: Position | null = null
  #seenAt = 0
  #begun = 0
  #loaded = false
  #mark: ReadingMark | null = null
  /** Cursors that are still to be stored. */
  #unstored: ReadonlyArray<Omit<Cursor, 'channel'>> = []
  /** The mail that could not be handled last, and how often. */
  #failing = { uid: 0, failures: 0 }
  readonly #loop: IntakeLoop

  constructor(options: MailboxOptions) {
    this.#options = options
    this.#loop = new IntakeLoop({
      ...options,
      channel: 'email',
      kept: 'it stays in the mailbox',
      troubleOf: (error) => imapTrouble(error, options.server, options.mailbox),
    })
  }

  /** Runs until `signal` is aborted; what is being stored then is still committed. Never rejects. */
  async run(receiver: Receiver, signal: AbortSignal): Promise<void> {
    await this.#loop.run(async () => {
      await this.#load(receiver)
      await this.#session(receiver, signal)
    }, signal)
    await this.#mark?.release()
    this.#mark = null
  }

  /** What an answer needs of a mail that a former process read; null = not available now. Never rejects. */
  async find(id: MessageId): Promise<AnsweredMail | null> {
    const client = this.#client
    if (!client?.usable) return null
    try {
      const uids = await this.#within(client.search({ header: { 'message-id': id } }, { uid: true }))
      const uid = Array.isArray(uids) ? uids.at(-1) : undefined
      if (uid === undefined) return null
      const query = { uid: true, envelope: true, headers: ['references', 'in-reply-to'] }
      const mail = await this.#within(client.fetchOne(String(uid), query, { uid: true }))
      if (!mail) return null
      return { subject: mail.envelope?.subject ?? '', references: mail.headers?.toString('latin1') ?? '' }
    } catch (error) {
      this.#options.log.debug({ channel: 'email' }, `a mail could not be looked up: ${messageOf(error)}`)
      return null
    } finally {
      this.#endedIdle()
    }
  }

  async #load(receiver: Receiver): Promise<void> {
    this.#mark ??= await ReadingMark.open(this.#options)
    if (this.#loaded) return
    const { readCursor, clock, mailbox } = this.#options
    this.#position = parsePosition(await readCursor(positionCursor(mailbox)))
    this.#seenAt = timeOf(await readCursor(SEEN_CURSOR)) ?? 0
    const begun = timeOf(await readCursor(BEGUN_CURSOR))
    this.#begun = begun ?? clock.now()
    this.#loaded = true
    if (begun !== null) return
    this.#unstored = [{ name: BEGUN_CURSOR, value: String(this.#begun) }]
    // Before the first connection: what comes while the server cannot be reached is new. If the store
    // rejects it now, it goes with whatever is stored first.
    await this.#store(receiver, [], []).catch(() => {})
  }

  async #session(receiver: Receiver, signal: AbortSignal): Promise<void> {
    const client = await imapClient(this.#options)
    const news = (this.#news = new Signal())
    client.on('exists', () => news.set())
    client.on('close', () => news.set())
    // The library reports a broken connection here as well as to the pending command.
    client.on('error', () => news.set())
    const onAbort = () => client.close()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await client.connect()
      const box = await client.mailboxOpen(this.#options.mailbox)
      this.#client = client
      await this.#findPosition(client, box, receiver, signal)
      while (!signal.aborted) {
        news.clear()
        await this.#readNew(client, receiver, signal)
        if (!signal.aborted) await this.#mark!.passed()
        this.#loop.recovered()
        this.#loop.connected()
        await this.#waitForNews(client, news)
      }
    } finally {
      this.#client = null
      signal.removeEventListener('abort', onAbort)
      client.close()
    }
  }

  /** Where to read on. A UID means nothing under another UIDVALIDITY: what was missed is found by its time then. */
  async #findPosition(
    client: ImapFlow,
    box: MailboxObject,
    receiver: Receiver,
    signal: AbortSignal,
  ): Promise<void> {
    const { log, mailbox } = this.#options
    const window = windowOf(this.#position, box, { begun: this.#begun, seenAt: this.#seenAt })
    if (!window) return
    if (this.#position)
      log.warn({ channel: 'email' }, 'the mailbox counts from the start again; what was missed is looked for')
    const uids = await this.#search(client, { since: new Date(window.since - DAY) }, 0)
    const end = positionAfter(box, uids)
    // The position stays where it was until all is read: half of a window cannot be found again.
    for (const page of pagesOf(uids.filter((uid) => uid <= end.uid))) {
      await this.#readPage(client, page, receiver, signal, window)
    }
    if (signal.aborted) return
    await this.#store(receiver, [], [{ name: positionCursor(mailbox), value: formatPosition(end) }])
    this.#position = end
  }

  async #readNew(client: ImapFlow, receiver: Receiver, signal: AbortSignal): Promise<void> {
    const { uid } = this.#position!
    const uids = await this.#search(client, { uid: `${uid + 1}:*` }, uid)
    for (const page of pagesOf(uids)) {
      if (signal.aborted) return
      await this.#readPage(client, page, receiver, signal, null)
    }
  }

  /** `n:*` also finds the last mail where it lies before n. */
  async #search(client: ImapFlow, query: { since?: Date; uid?: string }, after: number): Promise<number[]> {
    const uids = await this.#within(client.search(query, { uid: true }))
    if (!Array.isArray(uids)) throw new Error('the server does not search')
    return uids.filter((uid) => uid > after).sort((one, other) => one - other)
  }

  async #readPage(
    client: ImapFlow,
    uids: readonly number[],
    receiver: Receiver,
    signal: AbortSignal,
    window: Window | null,
  ): Promise<void> {
    const mails = await client.fetchAll(uids.join(','), SUMMARY, { uid: true })
    let passed: number | null = null
    for (const mail of mails.sort((one, other) => one.uid - other.uid)) {
      if (signal.aborted) return
      const stored = await this.#readMail(client, summaryOf(mail, client), receiver, window)
      passed = stored ? null : mail.uid
    }
    const last = uids.at(-1)!
    if (window === null && !signal.aborted && (passed !== null || (this.#position?.uid ?? 0) < last)) {
      await this.#moveTo(receiver, last, [])
    }
  }

  /** @returns whether the position was stored with it */
  async #readMail(
    client: ImapFlow,
    mail: MailSummary,
    receiver: Receiver,
    window: Window | null,
  ): Promise<boolean> {
    const { read, log, mailbox, clock } = this.#options
    if (window && isBefore(mail, window)) return false
    const input = inputOf(client, mail.uid)
    const park = (cause: ParkingCause) => {
      log.error({ channel: 'email', uid: mail.uid, cause }, 'a mail was parked: see "hermes queue"')
      const known = { channel: 'email', place: mailbox, input, at: clock.now() }
      return this.#deliver(receiver, mail, parkedItem(known, cause), window)
    }
    if ((await this.#mark!.begin(input)) !== 'whole') return park('ended')
    try {
      const item = await read(mail)
      if (item === null) return false
      await this.#deliver(receiver, mail, item, window)
    } catch (error) {
      if (isStoreTrouble(error) || !client.usable) throw error
      const failures = this.#failing.uid === mail.uid ? this.#failing.failures + 1 : 1
      this.#failing = { uid: mail.uid, failures }
      if (failures < STORE_TRIES && !(error instanceof RowRefused)) throw error
      // One mail that nothing can be done with must not stop all others.
      log.error({ channel: 'email', uid: mail.uid }, `a mail cannot be handled: ${messageOf(error)}`)
      return park(causeOf(error))
    }
    await this.#markSeen(client, mail.uid)
    return window === null
  }

  /** @returns whether the position was stored with it */
  async #deliver(
    receiver: Receiver,
    { uid }: MailSummary,
    item: InboundEvent,
    window: Window | null,
  ): Promise<boolean> {
    if (window) await this.#store(receiver, [item], [])
    else await this.#moveTo(receiver, uid, [item])
    return window === null
  }

  async #markSeen(client: ImapFlow, uid: number): Promise<void> {
    await this.#within(client.messageFlagsAdd(String(uid), ['\\Seen'], { uid: true }))
  }

  /** What a parked mail delivers now; null: it is not in the folder any more. @throws while that cannot be asked */
  async reread({ place, input }: ParkedInput): Promise<readonly InboundEvent[] | null> {
    const client = this.#client
    if (!client?.usable) throw new TransientError('the mailbox is not open')
    const uid = Number(input.split(':')[1])
    if (place !== this.#options.mailbox || inputOf(client, uid) !== input) return null
    try {
      const mail = await this.#within(client.fetchOne(String(uid), SUMMARY, { uid: true }))
      const item = mail ? await this.#options.read(summaryOf(mail, client)) : null
      return mail ? (item === null ? [] : [item]) : null
    } catch (error) {
      throw client.usable ? error : new TransientError('the connection to the mailbox broke')
    } finally {
      this.#endedIdle()
    }
  }

  /** A parked mail was stored after all. @throws what the connection throws */
  async stored({ input }: ParkedInput): Promise<void> {
    try {
      if (this.#client?.usable) await this.#markSeen(this.#client, Number(input.split(':')[1]))
    } finally {
      this.#endedIdle()
    }
  }

  /** A command outside of the reading has ended IDLE: without another look nothing says that mail arrives. */
  #endedIdle(): void {
    this.#news.set()
  }

  async #moveTo(receiver: Receiver, uid: number, items: readonly InboundEvent[]): Promise<void> {
    const { mailbox, clock } = this.#options
    const position = { uidValidity: this.#position!.uidValidity, uid }
    const seenAt = items.length > 0 ? clock.now() : this.#seenAt
    await this.#store(receiver, items, [
      { name: positionCursor(mailbox), value: formatPosition(position) },
      { name: SEEN_CURSOR, value: String(seenAt) },
    ])
    this.#position = position
    this.#seenAt = seenAt
  }

  async #store(
    receiver: Receiver,
    items: readonly InboundEvent[],
    cursors: ReadonlyArray<Omit<Cursor, 'channel'>>,
  ): Promise<void> {
    await receiver.receive('email', items, [...cursors, ...this.#unstored])
    this.#unstored = []
  }

  /** Until there is news, or until the server has to show that it is still there. */
  async #waitForNews(client: ImapFlow, news: Signal): Promise<void> {
    const { clock, idleMs = IDLE_MS } = this.#options
    if (news.isSet) return
    const idles = client.capabilities.has('IDLE')
    const timer = clock.setTimer(() => news.set(), idles ? idleMs : Math.min(idleMs, POLL_MS))
    // Refused, or broken for another command of ours: the timer keeps counting.
    if (idles) void client.idle().catch(() => {})
    await news.wait()
    timer.cancel()
    // A connection that a router has forgotten looks alive: only an answer proves that it is.
    await this.#within(client.noop())
  }

  /** @throws when the server does not answer in time */
  async #within<T>(command: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>()
    const { clock, answerMs = ANSWER_MS } = this.#options
    const timer = clock.setTimer(() => late.reject(new Error('the server does not answer')), answerMs)
    // The loser of the race must not become an unhandled rejection.
    command.catch(() => {})
    try {
      return await Promise.race([command, late.promise])
    } finally {
      timer.cancel()
    }
  }
}

/** Another folder is read from its own position. */
function positionCursor(mailbox: string): string {
  return `position ${mailbox}`
}

/** Names a mail for good: a UID counts within a UIDVALIDITY. */
function inputOf({ mailbox }: ImapFlow, uid: number): string {
  return `${String(mailbox && mailbox.uidValidity)}:${uid}`
}

function timeOf(cursor: string | null): number | null {
  const time = Number(cursor ?? Number.NaN)
  return Number.isSafeInteger(time) ? time : null
}

function* pagesOf(uids: readonly number[]): Generator<readonly number[]> {
  for (let at = 0; at < uids.length; at += PAGE) yield uids.slice(at, at + PAGE)
}

function isBefore(mail: MailSummary, { since, writtenSince }: Window): boolean {
  if (mail.arrivedAt < since) return true
  return writtenSince !== null && mail.writtenAt !== null && mail.writtenAt < writtenSince
}
