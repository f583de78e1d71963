import type { ConversationEntry, MessageItem, StatusLine } from '../../src/http/wire.ts'
import { ApiError, listConversations, readMessages, stopAnswer } from './api.ts'
import { dropMessage } from './dashboard/board-api.ts'
import type { LiveEvent } from './live-connection.ts'
import { openLive, type Live } from './live.ts'
import { Observable } from './observable.ts'
import { emptyThread, withDelta, withItems, withPending, type Thread } from './thread.ts'
import type { Drafts } from './unsent/drafts.ts'
import type { Unsent } from './unsent/open-unsent.ts'
import type { Outbox } from './unsent/outbox.ts'
import type { UnsentFile } from './unsent/unsent-message.ts'

/** Messages read at once: a few screens. */
const PAGE = 60
/** The conversation list is refreshed at most this often. */
const LIST_DELAY_MS = 400

export type Connection = 'connecting' | 'open' | 'lost' | 'signed-out'

/** The page's state and its actions. */
export class ChatState {
  readonly connection = new Observable<Connection>('connecting')
  readonly status = new Observable<StatusLine | null>(null)
  readonly conversations: Observable<readonly ConversationEntry[]>
  readonly thread: Observable<Thread>
  readonly outbox: Outbox
  readonly drafts: Drafts
  /** Events of the stream for the dashboard. */
  onOther: (event: LiveEvent) => void = () => {}
  readonly #live: Live
  #listTimer: number | null = null
  /** Counts openings, so that a late response for a previous conversation is ignored. */
  #opening = 0

  constructor(conversation: string, unsent: Unsent, conversations: readonly ConversationEntry[]) {
    this.conversations = new Observable(conversations)
    this.outbox = unsent.outbox
    this.drafts = unsent.drafts
    this.thread = new Observable(this.#opened(conversation))
    unsent.onSignedOut = () => this.connection.set('signed-out')
    this.outbox.entries.subscribe((entries) => {
      this.thread.update((thread) => withPending(thread, entries))
      this.#refreshList()
    })
    this.#live = openLive((event) => this.#onEvent(event))
    void this.#load(conversation)
    this.#refreshList()
  }

  /** Shows another conversation. */
  open(conversation: string): void {
    if (conversation === this.thread.value.id) return
    this.thread.set(this.#opened(conversation))
    void this.#load(conversation)
  }

  /** Loads messages before the first one shown. */
  async readEarlier(): Promise<void> {
    const { id, items } = this.thread.value
    const first = items[0]
    if (!first) return
    const page = await readMessages(id, PAGE, first.seq)
    this.#confirm(page.items)
    this.#update(id, (thread) => ({
      ...withItems(thread, page.items),
      draft: thread.draft,
      hasEarlier: page.hasEarlier,
    }))
  }

  /** Stores the message in the browser, and sends it as soon as the gateway can be reached. */
  async send(text: string, files: readonly UnsentFile[]): Promise<void> {
    const { id } = this.thread.value
    // The message takes the draft's place; what is in the input all the same was not sent.
    const draft = this.drafts.get(id)
    this.drafts.clear(id)
    const sending = this.outbox.add(id, text, files)
    if (draft !== '') this.drafts.set(id, draft)
    await sending
  }

  /** Withdraws a message that waits behind the running answer. */
  async cancel(messageId: string): Promise<void> {
    // Where it is not there any more, it is answered by now, which the page shows.
    await dropMessage(messageId).catch(() => {})
  }

  async stop(): Promise<void> {
    await stopAnswer(this.thread.value.id).catch(() => {})
  }

  async #load(conversation: string): Promise<void> {
    const opening = ++this.#opening
    for (let pause = 500; ; pause = Math.min(pause * 2, 8_000)) {
      try {
        const { items, hasEarlier, revision } = await readMessages(conversation, PAGE)
        if (opening !== this.#opening) return
        this.#confirm(items)
        this.#update(conversation, (thread) => ({
          ...withItems(thread, items),
          draft: thread.draft,
          hasEarlier,
          loaded: true,
        }))
        this.#live.watch(new Map([[conversation, revision]]))
        return
      } catch (error) {
        if (opening !== this.#opening) return
        if (error instanceof ApiError && error.status === 401) return this.connection.set('signed-out')
        await new Promise((resolve) => setTimeout(resolve, pause))
        if (opening !== this.#opening) return
      }
    }
  }

  #onEvent(event: LiveEvent): void {
    switch (event.kind) {
      case 'connection':
        this.connection.set(event.state)
        if (event.state === 'open') void this.outbox.resume()
        break
      case 'status':
        this.status.set(event.status)
        break
      case 'row':
        this.#confirm([event.row])
        this.#update(event.conversation, (thread) => withItems(thread, [event.row]))
        this.#refreshList()
        break
      case 'delta':
        this.#update(event.conversation, (thread) => withDelta(thread, event))
        break
      default:
        this.onOther(event)
    }
  }

  #opened(conversation: string): Thread {
    return withPending(emptyThread(conversation), this.outbox.entries.value)
  }

  /** A message that the gateway shows has been stored, whatever became of the response. */
  #confirm(rows: readonly MessageItem[]): void {
    void this.outbox.forget(rows.flatMap(({ messageId }) => messageId ?? []))
  }

  #update(conversation: string, change: (thread: Thread) => Thread): void {
    // The stream also carries other tabs' conversations.
    if (this.thread.value.id === conversation) this.thread.update(change)
  }

  #refreshList(): void {
    if (this.#listTimer !== null) return
    this.#listTimer = setTimeout(() => {
      this.#listTimer = null
      listConversations().then(
        (list) => this.conversations.set(list),
        () => {},
      )
    }, LIST_DELAY_MS) as unknown as number
  }
}
