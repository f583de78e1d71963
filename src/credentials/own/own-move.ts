import { isObject } from '../../support/private-file.ts'
import type { Intent } from '../rotation/intent.ts'

/**
 * How own sign-ins change their place. Two copies of a single-use token destroy each
 * other, so there is never a moment at which both places would use one: the old place
 * marks them as leaving before the new one gets them, and forgets them only when they
 * have arrived. Stopped anywhere, the same move goes on where it was. Pure.
 */

type Document = Record<string, unknown>

/** Left in a document whose sign-ins were given away. */
export interface MoveMark {
  /** Names this move, so that what has arrived once is never taken a second time. */
  readonly id: string
  /** The sign-in that was active. */
  readonly active: string | null
  /** They have arrived, and no token is left here. */
  readonly done: boolean
}

/** Everything that a place knows of its sign-ins, on the way to another. */
export interface GivenAway {
  readonly id: string
  readonly document: Document
  /** Of the refresh token that was sent last; null = none that is stored. */
  readonly intent: Intent | null
}

/** Said where somebody would use what was given away. */
export const MOVED =
  'the sign-in was moved to a database and is used from there; sign in anew to use one here'

export function moveMark({ moved }: Document): MoveMark | null {
  return isObject(moved) ? (moved as unknown as MoveMark) : null
}

/** `document` as nobody uses it any more, an older program neither, while everything is still in it. */
export function leaving(document: Document, id: string): Document {
  const active = typeof document['active'] === 'string' ? document['active'] : null
  return { ...document, active: null, moved: { id, active, done: false } satisfies MoveMark }
}

/** What a document that is leaving held before. */
export function restored(document: Document): Document {
  const { moved: _, ...rest } = document
  return { ...rest, active: moveMark(document)?.active ?? null }
}

/** What stays behind when it has arrived: no token, and the word that says so. */
export function left(document: Document): Document {
  return { ...document, signIns: [], moved: { ...moveMark(document)!, done: true } }
}

/**
 * `document` with the sign-ins of `given` added. The newest active one of the two is active.
 *
 * @param most how many are kept
 * @returns null when this move has arrived before: whatever became of it since stands
 */
export function arrived(document: Document, given: GivenAway, most: number): Document | null {
  const received = Array.isArray(document['received']) ? (document['received'] as unknown[]) : []
  if (received.includes(given.id)) return null
  const all = [...listOf(document), ...listOf(given.document)]
  const newest = [document, given.document]
    .map((each) => all.find(({ id }) => id === each['active']))
    .filter((each) => each !== undefined)
    .toSorted((a, b) => Number(b['signedInAt']) - Number(a['signedInAt']))[0]
  const others = all.filter((each) => each !== newest)
  return {
    ...document,
    active: newest?.['id'] ?? null,
    signIns: [...(newest ? [newest] : []), ...others].slice(0, most),
    received: [...received, given.id],
  }
}

function listOf({ signIns }: Document): Document[] {
  return Array.isArray(signIns) ? signIns.filter(isObject) : []
}
