import type { BrowserStore } from './browser-store.ts'
import { mayBeKept } from './unsent-message.ts'

/** A pause in typing: a draft is not written with every key. */
const SAVE_AFTER_MS = 300

/** The unfinished text of each conversation, kept in the browser. */
export class Drafts {
  readonly #principal: string
  readonly #store: Pick<BrowserStore, 'saveDraft'>
  readonly #texts: Map<string, string>
  /** Conversations whose draft is not written yet, with the timer that writes it. */
  readonly #unsaved = new Map<string, number>()

  /** @param texts what was kept before, by conversation */
  constructor(principal: string, store: Pick<BrowserStore, 'saveDraft'>, texts: ReadonlyMap<string, string>) {
    this.#principal = principal
    this.#store = store
    this.#texts = new Map(texts)
  }

  get(conversation: string): string {
    return this.#texts.get(conversation) ?? ''
  }

  set(conversation: string, text: string): void {
    this.#texts.set(conversation, text)
    clearTimeout(this.#unsaved.get(conversation))
    const timer = setTimeout(() => this.#save(conversation), SAVE_AFTER_MS) as unknown as number
    this.#unsaved.set(conversation, timer)
  }

  /** The text was sent: the message that is stored takes the draft's place. */
  clear(conversation: string): void {
    this.#texts.delete(conversation)
    clearTimeout(this.#unsaved.get(conversation))
    this.#unsaved.delete(conversation)
  }

  /** Writes what is not written yet: the page may not come back. */
  flush(): void {
    for (const conversation of this.#unsaved.keys()) this.#save(conversation)
  }

  #save(conversation: string): void {
    clearTimeout(this.#unsaved.get(conversation))
    this.#unsaved.delete(conversation)
    const text = this.get(conversation)
    const kept = mayBeKept(text) ? text : ''
    // Without storage the draft lives as long as the tab, which the input shows anyway.
    void this.#store.saveDraft({ principal: this.#principal, conversation, text: kept }).catch(() => {})
  }
}
