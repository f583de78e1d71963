import { createHash } from 'node:crypto'
import { MINUTE, type Clock } from '../../support/clock.ts'
import type { SignInPhase } from './belongs-to-sign-in.ts'
import type { LoginStep } from './read-reply.ts'

/** Where one sign-in from a chat stands. */
export interface Dialogue {
  readonly step: LoginStep
  /** The address that was sent; null = none yet. */
  readonly url: string | null
  /** Epoch milliseconds. */
  readonly expiresAt: number
}

/** Kept across restarts and between processes: until when whose sign-in is open. Nothing secret. */
export interface LoginFacts {
  get(key: string): Promise<string | null>
  set(key: string, value: string): Promise<void>
}

/** How long a step waits for its reply: as long as an address is good. */
const STEP_LIFE_MS = 10 * MINUTE
/** How long after its end a code may still come from somebody who does not know of it. */
const LATE_MS = 10 * MINUTE

/**
 * The sign-ins from chats that are open, at most one an owner. The secrets of one live in memory alone, so a
 * restart ends it; that it was open is stored, so that a code which comes afterwards is not taken for words.
 */
export class Dialogues {
  readonly #facts: LoginFacts
  readonly #clock: Clock
  readonly #open = new Map<string, Dialogue>()

  constructor(facts: LoginFacts, clock: Clock) {
    this.#facts = facts
    this.#clock = clock
  }

  /** The end of a step that begins now. */
  deadline(): number {
    return this.#clock.now() + STEP_LIFE_MS
  }

  /** null: none is open. */
  get(owner: string): Dialogue | null {
    const dialogue = this.#open.get(owner)
    return dialogue && dialogue.expiresAt > this.#clock.now() ? dialogue : null
  }

  async phase(owner: string): Promise<SignInPhase> {
    if (this.get(owner)) return 'open'
    const until = Number((await this.#facts.get(keyOf(owner))) ?? 0)
    return this.#clock.now() < until + LATE_MS ? 'over' : 'none'
  }

  /** Durable before it returns: the question that leads to a secret must not be ahead of the record. */
  async set(owner: string, dialogue: Dialogue): Promise<void> {
    this.#open.set(owner, dialogue)
    await this.#facts.set(keyOf(owner), String(dialogue.expiresAt))
  }

  /** It reached its end: nothing more is expected. Never throws, for what was signed in stays signed in. */
  async finish(owner: string): Promise<void> {
    this.#open.delete(owner)
    await this.#facts.set(keyOf(owner), '0').catch(() => undefined)
  }

  /** Resolves to false where none was open. */
  async cancel(owner: string): Promise<boolean> {
    const wasOpen = this.get(owner) !== null
    this.#open.delete(owner)
    if (wasOpen) await this.#facts.set(keyOf(owner), String(this.#clock.now()))
    return wasOpen
  }
}

/** Names nobody: the facts are in no person's data. */
function keyOf(owner: string): string {
  return `login.open ${createHash('sha256').update(owner).digest('hex').slice(0, 16)}`
}
