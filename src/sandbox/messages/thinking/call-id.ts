import { randomBytes } from 'node:crypto'
import { digest } from './signature.ts'

const OURS = /^(?:srv)?toolu_[0-9a-f]{16}_([0-9a-f]{16})$/
/** Ids must not repeat within a conversation that outlives the sandbox: they are random, not counted. */
const RANDOM_BYTES = 8

/** A new id of a call. It remembers the thinking that came before the call in the same answer. */
export function newCallId(kind: 'toolu' | 'srvtoolu', signatures: readonly string[]): string {
  return `${kind}_${randomBytes(RANDOM_BYTES).toString('hex')}_${markOf(signatures)}`
}

/** The thinking that an id remembers; null: the id is not of this sandbox. */
export function readCallId(id: string): { matches(signatures: readonly string[]): boolean } | null {
  const mark = OURS.exec(id)?.[1]
  return mark === undefined ? null : { matches: (signatures) => markOf(signatures) === mark }
}

function markOf(signatures: readonly string[]): string {
  return digest(signatures.join('\n'))
}
