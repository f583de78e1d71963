/** What happens to messages, for metrics and health. Counts and times only: no text, no person. */
export type MessageFact =
  | { readonly kind: 'accepted'; readonly channel: string }
  /** The answer is stored; on a channel whose readers read the store that is the last byte. */
  | {
      readonly kind: 'answered'
      readonly channel: string
      /** Accept to the last byte of the answer, in seconds; null where it still has to be sent. */
      readonly seconds: number | null
      /** The same less the model's time. */
      readonly overheadSeconds: number | null
      readonly messages: number
    }
  /** The last part of an answer was taken by the platform. */
  | {
      readonly kind: 'delivered'
      readonly channel: string
      readonly seconds: number
      /** null: this process does not know the model's time, for the answer was made by another. */
      readonly overheadSeconds: number | null
    }
  | { readonly kind: 'refused' | 'held' | 'parked' | 'stopped' | 'failed'; readonly channel: string }
  | { readonly kind: 'undeliverable'; readonly channel: string }
  /** The store does not take what must be durable; told once until it does again. */
  | { readonly kind: 'store-failed'; readonly problem: string }
  | { readonly kind: 'store-recovered' }

type Listener = (fact: MessageFact) => void

/** Tells whoever listens; a listener that throws is a bug of its own and must not stop a message. */
export class MessageObserver {
  readonly #listeners = new Set<Listener>()
  readonly #onError: (error: unknown) => void

  constructor(onError: (error: unknown) => void = () => {}) {
    this.#onError = onError
  }

  subscribe(listener: Listener): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  tell(fact: MessageFact): void {
    for (const listener of this.#listeners) {
      try {
        listener(fact)
      } catch (error) {
        this.#onError(error)
      }
    }
  }
}
