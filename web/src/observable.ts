import { useEffect, useState } from 'preact/hooks'

/** A value that components follow. */
export class Observable<T> {
  #value: T
  readonly #listeners = new Set<(value: T) => void>()

  constructor(value: T) {
    this.#value = value
  }

  get value(): T {
    return this.#value
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return
    this.#value = value
    for (const listener of this.#listeners) listener(value)
  }

  update(change: (value: T) => T): void {
    this.set(change(this.#value))
  }

  subscribe(listener: (value: T) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}

/** The current value of `observable`; the component renders again when it changes. */
export function useValue<T>(observable: Observable<T>): T {
  const [value, setValue] = useState(observable.value)
  useEffect(() => {
    setValue(() => observable.value)
    return observable.subscribe((next) => setValue(() => next))
  }, [observable])
  return value
}
