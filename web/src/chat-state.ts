import type { AttachmentInfo, ConversationEntry, StatusLine } from '../../src/http/wire.ts'
import { ApiError, listConversations, postMessage, readMessages, stopAnswer } from './api.ts'
import type { LiveEvent } from './live-connection.ts'
import { openLive, type Live } from './live.ts'
import { Observable } from './observable.ts'
import {
  emptyThread,
  withDelta,
  withItems,
  withoutPending,
  withPending,
  type Pending,
  type Thread,
} from './thread.ts'

/** Messages read at once: a few screens. */
const PAGE = 60
/** The conversation list is refreshed at most this often. */
const LIST_DELAY_MS = 400

export type Connection = 'connecting' | 'open' | 'lost' | 'signed-out'

/** The page's state and its actions. */
export class ChatState {
  readonly connection = new Observable<Connection>('connecting')
  readonly status = new Observable<StatusLine | null>(null)
  readonly conversations = new Observable<readonly ConversationEntry[]>([])
  readonly thread: Observable<Thread>
  /** Events of the stream for the dashboard. */
  onOther: (event: LiveEvent) => void = () => {}
  readonly #live: Live
  #listTimer: number | null = null
  /** Counts openings, so that a late response for a previous conversation is ignored. */
  #opening = 0

  constructor(conversation: string) {
    this.thread = new Observable(emptyThread(conversation))
    this.#live = openLive((event) => this.#onEvent(event))
    void this.#load(conversation)
    this.#refreshList()
  }

  /** Shows another conversation. */
  open(conversation: string): void {
    if (conversation === this.thread.value.id) return
    this.thread.set(emptyThread(conversation))
    void this.#load(conversation)
  }

  /** Loads messages before the first one shown. */
  async readEarlier(): Promise<void> {
    const { id, items } = this.thread.value
    const first = items[0]
    if (!first) return
    const page = await readMessages(id, PAGE, first.seq)
    this.#update(id, (thread) => ({
      ...withItems(thread, page.items),
      draft: thread.draft,
      hasEarlier: page.items.length === PAGE,
    }))
  }

  /** Sends, and retries while the gateway cannot be reached, under the same id, so never twice. */
  async send(text: string, attachments: readonly AttachmentInfo[]): Promise<void> {
    const entry: Pending = { messageId: newName(), text, attachments, state: 'sending', problem: null }
    await this.#post(this.thread.value.id, entry)
  }

  async resend(entry: Pending): Promise<void> {
    await this.#post(this.thread.value.id, { ...entry, state: 'sending', problem: null })
  }

  discard(entry: Pending): void {
    this.#update(this.thread.value.id, (thread) => withoutPending(thread, entry.messageId))
  }

  async stop(): Promise<void> {
    await stopAnswer(this.thread.value.id).catch(() => {})
  }

  async #post(conversation: string, entry: Pending): Promise<void> {
    const show = (change: Partial<Pending>): void =>
      this.#update(conversation, (thread) => withPending(thread, { ...entry, ...change }))
    show({})
    try {
      const { text, messageId, attachments } = entry
      const { id } = await postMessage(conversation, {
        text,
        messageId,
        attachments: attachments.map((attachment) => attachment.id),
      })
      // A message that was not stored (a pasted sign-in code) is removed.
      if (id === null) this.#update(conversation, (thread) => withoutPending(thread, entry.messageId))
      this.#refreshList()
    } catch (error) {
      if (error instanceof ApiError) {
        if (error.status === 401) this.connection.set('signed-out')
        show({ state: 'failed', problem: error.message })
      } else show({ state: 'waiting' })
    }
  }

  async #load(conversation: string): Promise<void> {
    const opening = ++this.#opening
    for (let pause = 500; ; pause = Math.min(pause * 2, 8_000)) {
      try {
        const { items, revision } = await readMessages(conversation, PAGE)
        if (opening !== this.#opening) return
        this.#update(conversation, (thread) => ({
          ...withItems(thread, items),
          draft: thread.draft,
          hasEarlier: items.length === PAGE,
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
        if (event.state === 'open') this.#sendWaiting()
        break
      case 'status':
        this.status.set(event.status)
        break
      case 'row':
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

  #sendWaiting(): void {
    for (const entry of this.thread.value.pending) if (entry.state === 'waiting') void this.resend(entry)
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

const NAME_BYTES = 10

/** A random id for a conversation or a message; `randomUUID` is missing on plain HTTP. */
export function newName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(NAME_BYTES))
  return Array.from(bytes, (byte) => byte.toString(36).padStart(2, '0')).join('')
}
