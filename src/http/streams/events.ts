import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Clock, isoTime, SECOND, type Timer } from '../../support/clock.ts'
import type { Principal } from '../access/auth.ts'
import { badRequest, HttpProblem, type RequestContext } from '../answers.ts'
import { conversationOf, isConversation, wholeNumber } from '../api/conversations-api.ts'
import type { ApiServices } from '../api/services.ts'
import { statusLine } from '../api/status-line.ts'
import type { Routes } from '../routes.ts'
import type { StatusEvent, StatusLine } from '../wire.ts'
import { ConversationFeeds } from './conversation-feeds.ts'
import { OperatorFeed } from './operator-feed.ts'
import { frame, type EventStream, type Streams } from './sse.ts'

/** Polling in addition to `onStatusChange`: readiness can also change by the clock alone. */
const STATUS_POLL_MS = 2 * SECOND
/** Changes come in bursts during an outage; nobody reads more than this a second. */
const STATUS_INTERVAL_MS = 200
const NO_COUNTS = { received: 0, answering: 0, held: 0, parked: 0 }
/** One browser's tabs share one stream; this many tabs are plenty. */
const MAX_WATCHED = 100

/**
 * Open streams of one chat token: a page needs one, which follows up to `MAX_WATCHED` conversations. Every
 * change is written to each.
 */
const MAX_STREAMS = 32
/** Of `gateway.token`, or of one browser: a program of the owner's may follow each conversation by its own. */
const MAX_STREAMS_OF_OWNER = 1_000

/** Routes of the event streams. Returns a function that ends the shared timers. */
export function addEventRoutes(
  routes: Routes,
  services: ApiServices,
  streams: Streams,
  clock: Clock,
): { close(): void } {
  const feeds = new ConversationFeeds(services, clock)
  const status = new StatusFeed(services, clock)
  const operator = new OperatorFeed(services.dashboard, clock)

  const { chat } = services
  const watch = (opened: EventStream, folder: string, name: string, after: number, withIds: boolean) =>
    feeds.attach(opened, {
      conversationId: chat.conversationId(folder + name),
      shownAs: chat.conversationId(name),
      after,
      withIds,
    })

  routes.guarded('chat', 'GET', '/api/conversations/:id/events', (c, principal) => {
    const name = conversationOf(c)
    // A reconnecting browser names the last event it saw; a client may start from a revision.
    const after = lastEventId(c) ?? wholeNumber(c, 'after') ?? 0
    return stream(c, streams, principal, (opened) => watch(opened, principal.folder, name, after, true))
  })

  routes.guarded('chat', 'GET', '/api/events', (c, principal) => {
    const watched = watchedOf(c.req.query('watch'))
    return stream(c, streams, principal, (opened) => {
      status.attach(opened)
      if (principal.scope === 'all') operator.attach(opened)
      for (const { name, after } of watched) watch(opened, principal.folder, name, after, false)
    })
  })

  return {
    close() {
      status.close()
      operator.close()
    },
  }
}

function stream(
  c: RequestContext,
  streams: Streams,
  { client, scope, isValid }: Principal,
  begin: (stream: EventStream) => void,
): Response {
  const outgoing = c.env?.outgoing
  if (c.req.method === 'HEAD' || !outgoing || !('writeHead' in outgoing) || 'stream' in outgoing)
    throw new HttpProblem(
      405,
      'method-not-allowed',
      'Events are read by GET, over a connection that stays.',
      {
        Allow: 'GET',
      },
    )
  const limit = scope === 'all' ? MAX_STREAMS_OF_OWNER : MAX_STREAMS
  if (streams.countOf(client) >= limit)
    throw new HttpProblem(429, 'streams', `At most ${limit} event streams can be open at a time.`, {
      'Retry-After': '15',
    })
  begin(streams.open(outgoing, { client, isAllowed: isValid }))
  return RESPONSE_ALREADY_SENT
}

/** An unknown id is ignored: everything is sent again. */
function lastEventId(c: RequestContext): number | null {
  const id = c.req.header('last-event-id')
  return id !== undefined && /^\d{1,15}$/.test(id) ? Number(id) : null
}

/** `id@revision,…`: the conversations to watch, and the revision of each. @throws HttpProblem 400 */
function watchedOf(text: string | undefined): ReadonlyArray<{ name: string; after: number }> {
  if (text === undefined || text === '') return []
  const entries = text.split(',')
  if (entries.length > MAX_WATCHED) throw badRequest(`At most ${MAX_WATCHED} conversations can be watched.`)
  return entries.map((entry) => {
    const at = entry.lastIndexOf('@')
    const name = entry.slice(0, at)
    const after = entry.slice(at + 1)
    if (at < 0 || !isConversation(name) || !/^\d{1,15}$/.test(after))
      throw badRequest('`watch` is a list of id@revision.')
    return { name, after: Number(after) }
  })
}

/** Sends the status line to every reader of the global stream whenever it changes. */
class StatusFeed {
  readonly #services: ApiServices
  readonly #clock: Clock
  readonly #readers = new Set<EventStream>()
  #subscription: Disposable | null = null
  #pollTimer: Timer | null = null
  #sendTimer: Timer | null = null
  #last: StatusLine | null = null

  constructor(services: ApiServices, clock: Clock) {
    this.#services = services
    this.#clock = clock
  }

  attach(stream: EventStream): void {
    this.#readers.add(stream)
    stream.onClose(() => {
      this.#readers.delete(stream)
      if (this.#readers.size === 0) this.close()
    })
    stream.onDrain(() => this.#last && stream.write(this.#frame(this.#last)))
    this.#subscription ??= this.#services.onStatusChange(() => {
      this.#sendTimer ??= this.#clock.setTimer(() => {
        this.#sendTimer = null
        void this.#sendLine()
      }, STATUS_INTERVAL_MS)
    })
    this.#pollTimer ??= this.#clock.setTimer(this.#onPoll, STATUS_POLL_MS)
    void this.#readLine().then((line) => stream.write(this.#frame(line)))
  }

  close(): void {
    this.#subscription?.[Symbol.dispose]()
    this.#subscription = null
    this.#pollTimer?.cancel()
    this.#pollTimer = null
    this.#sendTimer?.cancel()
    this.#sendTimer = null
  }

  readonly #onPoll = (): void => {
    this.#pollTimer = this.#clock.setTimer(this.#onPoll, STATUS_POLL_MS)
    void this.#sendLine()
  }

  async #sendLine(): Promise<void> {
    const line = await this.#readLine()
    if (JSON.stringify(line) === JSON.stringify(this.#last)) return
    this.#last = line
    for (const stream of this.#readers) if (stream.ready) stream.write(this.#frame(line))
  }

  async #readLine(): Promise<StatusLine> {
    const { waiting, holding } = this.#services
    // The status line must be sent even when the store does not answer.
    const counts = await waiting().catch(() => NO_COUNTS)
    return statusLine(holding(), counts, this.#services)
  }

  #frame(line: StatusLine): string {
    const sent: StatusEvent = { ...line, now: isoTime(this.#clock.now()) }
    return frame('status', JSON.stringify(sent))
  }
}
