import type { AttachmentInfo } from '../../../src/http/wire.ts'
import { newName } from '../new-name.ts'
import { Observable } from '../observable.ts'
import type { BrowserStore } from './browser-store.ts'
import {
  inOrder,
  mayBeKept,
  retryPause,
  attemptResult,
  type UnsentFile,
  type UnsentMessage,
  type AttemptResult,
} from './unsent-message.ts'

/** Why a message is in this tab alone. `storing`: it is being written; `secret`: it must not be written. */
type NotKept = 'storing' | 'full' | 'forbidden' | 'secret'

/** An unsent message as the page shows it. */
export interface UnsentEntry extends UnsentMessage {
  readonly sending: boolean
  /** null = it is kept in the browser, and survives the tab. */
  readonly notKept: NotKept | null
}

export interface OutboxParts {
  readonly principal: string
  readonly store: Pick<BrowserStore, 'read' | 'add' | 'replace' | 'remove' | 'removeOthers'>
  readonly upload: (message: UnsentMessage, file: UnsentFile) => Promise<AttachmentInfo>
  /** Resolves when the gateway has stored it, now or before. */
  readonly post: (message: UnsentMessage, attachments: readonly string[]) => Promise<void>
  /** Runs `work` while no other tab runs any under this name. */
  readonly lock: (name: string, work: () => Promise<void>) => Promise<void>
  /** Tells the other tabs that the store has changed. */
  readonly announce: () => void
  readonly onSignedOut: () => void
  readonly setTimer: (callback: () => void, ms: number) => number
  readonly clearTimer: (timer: number) => void
  readonly now: () => number
}

/**
 * Sends what was written on the page: stored in the browser first, oldest first in each conversation, one
 * tab at a time, under one id until the gateway has confirmed it.
 */
export class Outbox {
  readonly entries = new Observable<readonly UnsentEntry[]>([])
  /** Kept messages of other people: never shown, never sent. */
  readonly others = new Observable(0)
  readonly #parts: OutboxParts
  #stored: readonly UnsentMessage[] = []
  readonly #memory = new Map<string, { readonly message: UnsentMessage; readonly why: NotKept }>()
  readonly #sending = new Set<string>()
  /** Confirmed, cancelled or replaced: whatever the store still says, they are not sent. */
  readonly #finished = new Set<string>()
  /** Conversations being sent by this tab; true: look again when done. */
  readonly #draining = new Map<string, boolean>()
  #adding: Promise<void> = Promise.resolve()
  #timer: number | null = null
  #failures = 0

  constructor(parts: OutboxParts) {
    this.#parts = parts
  }

  get principal(): string {
    return this.#parts.principal
  }

  /** The store has changed, or the gateway can be reached again: sends what is to be sent. */
  async resume(): Promise<void> {
    await this.#read()
    await Promise.all(
      [...new Set(this.entries.value.map(({ conversation }) => conversation))].map((id) => this.#drain(id)),
    )
  }

  /** Stores and sends a message. Resolves when it has been tried. */
  async add(conversation: string, text: string, files: readonly UnsentFile[]): Promise<void> {
    const last = this.entries.value.at(-1)?.order ?? 0
    const order = Math.max(this.#parts.now(), last + 1)
    const { principal } = this
    const messageId = newName()
    await this.#sendFirst({ messageId, principal, conversation, order, text, files, refusal: null })
  }

  /** Sends a refused message again, as a new one: the gateway stays with what it said of an id. */
  async retry(entry: UnsentEntry): Promise<void> {
    const { sending: _sending, notKept: _notKept, ...message } = entry
    await this.#sendFirst({ ...message, messageId: newName(), refusal: null }, () =>
      this.forget([entry.messageId]),
    )
  }

  /** These are not to be sent any more: confirmed by the gateway, or cancelled. */
  async forget(messageIds: readonly string[]): Promise<void> {
    const known = messageIds.filter((id) => this.entries.value.some(({ messageId }) => messageId === id))
    if (known.length === 0) return
    for (const id of known) {
      this.#finished.add(id)
      this.#memory.delete(id)
    }
    this.#publish()
    // Where the store fails, the gateway knows the id when it is sent again after a reload.
    await Promise.all(known.map((id) => this.#parts.store.remove(id).catch(() => {})))
    this.#parts.announce()
  }

  async discardOthers(): Promise<void> {
    await this.#parts.store.removeOthers(this.principal).catch(() => {})
    await this.#read()
    this.#parts.announce()
  }

  /** @param whenKept called once it is stored */
  async #sendFirst(message: UnsentMessage, whenKept: () => Promise<void> = async () => {}): Promise<void> {
    const { messageId } = message
    this.#memory.set(messageId, { message, why: 'storing' })
    // Until it was tried for the first time nothing is known to be wrong.
    this.#sending.add(messageId)
    this.#publish()
    // One after the other, so that no message overtakes an earlier one.
    this.#adding = this.#adding.then(() => this.#keep(message))
    await this.#adding
    await whenKept()
    await this.#drain(message.conversation)
    if (this.#sending.delete(messageId)) this.#publish()
  }

  async #keep(message: UnsentMessage): Promise<void> {
    const stays = (why: NotKept) => this.#memory.set(message.messageId, { message, why })
    if (!mayBeKept(message.text)) stays('secret')
    else {
      try {
        await this.#parts.store.add(message)
        this.#stored = [...this.#stored, message]
        this.#memory.delete(message.messageId)
        this.#parts.announce()
      } catch (error) {
        stays(isFull(error) ? 'full' : 'forbidden')
      }
    }
    this.#publish()
  }

  async #drain(conversation: string): Promise<void> {
    if (this.#draining.has(conversation)) return void this.#draining.set(conversation, true)
    const { principal, lock } = this.#parts
    try {
      do {
        this.#draining.set(conversation, false)
        await lock(`hermes unsent ${principal} ${conversation}`, () => this.#sendAll(conversation))
      } while (this.#draining.get(conversation))
    } finally {
      this.#draining.delete(conversation)
    }
  }

  async #sendAll(conversation: string): Promise<void> {
    for (;;) {
      // Read again before each: another tab may have sent or cancelled it.
      await this.#read()
      const next = this.entries.value.find(
        (entry) =>
          entry.conversation === conversation && entry.refusal === null && entry.notKept !== 'storing',
      )
      if (!next) return
      const result = await this.#attempt(next)
      if (result === null) {
        this.#failures = 0
        await this.forget([next.messageId])
        continue
      }
      switch (result.kind) {
        case 'refused':
          await this.#change({ ...next, refusal: result.reason })
          break
        case 'signed-out':
          return this.#parts.onSignedOut()
        case 'later':
          return this.#resumeLater()
      }
    }
  }

  /** @returns null = the gateway has stored it */
  async #attempt(entry: UnsentEntry): Promise<AttemptResult | null> {
    this.#sending.add(entry.messageId)
    this.#publish()
    try {
      return await this.#send(entry).catch((error: unknown) => {
        const isStale =
          attemptResult(error).kind === 'refused' && entry.files.some(({ uploaded }) => uploaded)
        if (!isStale) throw error
        // An upload from before may be gone by now; what is still refused is refused for itself.
        return this.#send({ ...entry, files: entry.files.map((file) => ({ ...file, uploaded: null })) })
      })
    } catch (error) {
      return attemptResult(error)
    } finally {
      this.#sending.delete(entry.messageId)
      this.#publish()
    }
  }

  async #send(entry: UnsentEntry): Promise<null> {
    const { upload, post } = this.#parts
    let message: UnsentMessage = entry
    for (const [index, file] of entry.files.entries()) {
      if (file.uploaded) continue
      const uploaded = await upload(message, file)
      message = { ...message, files: message.files.with(index, { ...file, uploaded }) }
      // The next attempt need not begin again.
      await this.#change(message)
    }
    await post(
      message,
      message.files.map(({ uploaded }) => uploaded!.id),
    )
    return null
  }

  async #change(changed: UnsentMessage): Promise<void> {
    const { sending: _sending, notKept: _notKept, ...message } = changed as UnsentEntry
    const here = this.#memory.get(message.messageId)
    if (here) this.#memory.set(message.messageId, { ...here, message })
    else {
      this.#stored = this.#stored.map((other) => (other.messageId === message.messageId ? message : other))
      await this.#parts.store.replace(message).catch(() => {})
      this.#parts.announce()
    }
    this.#publish()
  }

  #resumeLater(): void {
    const { setTimer, clearTimer } = this.#parts
    if (this.#timer !== null) clearTimer(this.#timer)
    this.#timer = setTimer(
      () => {
        this.#timer = null
        void this.resume()
      },
      retryPause(++this.#failures),
    )
  }

  /** What was read last stays valid while the store does not answer. */
  async #read(): Promise<void> {
    const kept = await this.#parts.store.read(this.principal).catch(() => null)
    if (!kept) return
    this.#stored = kept.messages
    this.others.set(kept.others)
    this.#publish()
  }

  #publish(): void {
    const entryOf = (message: UnsentMessage, notKept: NotKept | null): UnsentEntry => ({
      ...message,
      sending: this.#sending.has(message.messageId),
      notKept,
    })
    const entries = [
      ...this.#stored
        .filter(({ messageId }) => !this.#memory.has(messageId))
        .map((message) => entryOf(message, null)),
      ...[...this.#memory.values()].map(({ message, why }) => entryOf(message, why)),
    ]
    this.entries.set(inOrder(entries.filter(({ messageId }) => !this.#finished.has(messageId))))
  }
}

function isFull(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'QuotaExceededError'
}
