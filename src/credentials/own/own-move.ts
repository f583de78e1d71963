import { isObject } from '../../support/files/private-file.ts'
import type { Intent } from '../rotation/intent.ts'
import { moveMark, type MoveMark, type OwnDocument } from './own-document.ts'

/**
 * How own sign-ins change their place. Two copies of a single-use token destroy each
 * other, so there is never a moment at which both places would use one: the old place
 * marks them as leaving before the new one gets them, and forgets them only when they
 * have arrived. Stopped anywhere, the same move continues where it was. Pure.
 */

/** Everything that a place knows of its sign-ins, on the way to another. */
export interface GivenAway {
  readonly id: string
  readonly document: OwnDocument
  /** Of the refresh token that was sent last; null = none that is stored. */
  readonly intent: Intent | null
}

/** `document` as nobody uses it any more, an older program neither, while everything is still in it. */
export function leaving(document: OwnDocument, id: string): OwnDocument {
  const active = typeof document['active'] === 'string' ? document['active'] : null
  return { ...document, active: null, moved: { id, active, done: false } satisfies MoveMark }
}

/** What a document that is leaving held before. */
export function restored(document: OwnDocument): OwnDocument {
  const { moved: _, ...rest } = document
  return { ...rest, active: moveMark(document)?.active ?? null }
}

/** What stays behind when it has arrived: no token, and the word that says so. */
export function left(document: OwnDocument): OwnDocument {
  return { ...document, signIns: [], moved: { ...moveMark(document)!, done: true } }
}

/**
 * `document` with the sign-ins of `given` added. The newest active one of the two is active.
 *
 * @param most how many are kept
 * @returns null when this move has arrived before: whatever became of it since stands
 */
export function arrived(document: OwnDocument, given: GivenAway, most: number): OwnDocument | null {
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

function listOf({ signIns }: OwnDocument): OwnDocument[] {
  return Array.isArray(signIns) ? signIns.filter(isObject) : []
}
