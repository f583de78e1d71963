import { createHash } from 'node:crypto'
import { inspect } from 'node:util'

/**
 * A value that must never be printed: token, key, verifier, password.
 *
 * Every way of turning it into text gives its fingerprint; only `reveal()`, which
 * is easy to search for, gives the value.
 */
export class Secret {
  readonly #value: string
  #fingerprint: string | undefined

  constructor(value: string) {
    this.#value = value
    watched.add(value)
  }

  /** The value itself. Call it where the value leaves for its own server or file, nowhere else. */
  reveal(): string {
    return this.#value
  }

  /** The first 8 hex digits of the value's SHA-256: enough to tell two apart, useless to an attacker. */
  get fingerprint(): string {
    return (this.#fingerprint ??= fingerprint(this.#value))
  }

  equals(other: Secret): boolean {
    return this.#value === other.#value
  }

  toString(): string {
    return `[secret ${this.fingerprint}]`
  }

  toJSON(): string {
    return this.toString()
  }

  [inspect.custom](): string {
    return this.toString()
  }

  get [Symbol.toStringTag](): string {
    return 'Secret'
  }
}

export function fingerprint(value: string): string {
  return createHash('sha256').update(value).digest('hex').slice(0, 8)
}

/**
 * The values of the secrets made lately, for the net in `redact.ts`: a secret
 * that came back in a server's error text is found there whatever its shape.
 * Bounded, because a gateway makes a few new tokens a day for months.
 */
class RecentValues {
  static readonly limit = 256
  /** Shorter values would blank out ordinary words. */
  static readonly minLength = 8
  readonly #values = new Set<string>()

  add(value: string): void {
    if (value.length < RecentValues.minLength) return
    this.#values.delete(value)
    this.#values.add(value)
    if (this.#values.size > RecentValues.limit) {
      this.#values.delete(this.#values.values().next().value!)
    }
  }

  [Symbol.iterator](): Iterator<string> {
    return this.#values.values()
  }
}

export const watched = new RecentValues()
