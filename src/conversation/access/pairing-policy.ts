import { HOUR } from '../../support/clock.ts'
import { printableName } from '../../support/text/printable.ts'
import type { Person } from '../receiver.ts'
import type { PendingPairing, Pairings } from './pairing.ts'

/** Read aloud and typed by hand: without 0 and O, 1 and I. 32 signs, so a byte's lower bits choose evenly. */
const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'
/** 40 bits: infeasible to guess with the lock-out below. */
const CODE_LENGTH = 8
const CODE_LIFE_MS = HOUR
/** A stranger gets at most one reply in this time. */
const ANSWER_EVERY_MS = HOUR
/** A person mistypes once or twice. */
const MAX_GUESSES = 5
const GUESS_WINDOW_MS = HOUR

export interface PairingQuestion {
  readonly channel: string
  readonly person: Person
  readonly now: number
  /** This person's last request; null = none. */
  readonly before: PendingPairing | null
  readonly newCode: string
}

/** The reply to a stranger: a code to be approved, or none. Pure. */
export function decidePairing(question: PairingQuestion): PendingPairing | null {
  const { channel, person, now, before, newCode } = question
  if (before && now - before.answeredAt < ANSWER_EVERY_MS && now >= before.answeredAt) return null
  return {
    channel,
    personId: person.id,
    personName: printableName(person.name),
    code: newCode,
    createdAt: now,
    expiresAt: now + CODE_LIFE_MS,
    answeredAt: now,
  }
}

/** @param bytes at least eight random bytes */
export function pairingCode(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, CODE_LENGTH), (byte) => ALPHABET[byte % ALPHABET.length]).join('')
}

export type Approval =
  | { readonly kind: 'approved'; readonly personId: string; readonly personName: string | null }
  | { readonly kind: 'unknown-code' }
  /** Too many wrong codes recently. @property until epoch milliseconds */
  | { readonly kind: 'locked'; readonly until: number }

/** Approves the holder of `code`. Too many wrong codes lock the channel's pairing for a while. */
export async function approvePairing(
  pairings: Pairings,
  channel: string,
  code: string,
  now: number,
): Promise<Approval> {
  if ((await pairings.guesses(channel, now - GUESS_WINDOW_MS)) >= MAX_GUESSES) {
    return { kind: 'locked', until: now + GUESS_WINDOW_MS }
  }
  const person = await pairings.approve(channel, code.trim().toUpperCase(), now)
  if (person) return { kind: 'approved', ...person }
  await pairings.recordGuess(channel, now)
  return { kind: 'unknown-code' }
}
