import { readFile } from 'node:fs/promises'
import { SECOND, type Clock } from '../../support/clock.ts'

/** An edited prompt applies within this time; a busy gateway does not read the file for every message. */
const FRESH_MS = 2 * SECOND

/** Reads `SOUL.md`, the optional system prompt; null = there is none, or it is empty. */
export function soulReader(path: string, clock: Clock): () => Promise<string | null> {
  let reading: Promise<string | null> | null = null
  let readAt = -Infinity
  return () => {
    if (!reading || clock.monotonic() - readAt > FRESH_MS) {
      readAt = clock.monotonic()
      reading = readFile(path, 'utf8').then(
        (text) => text.trim() || null,
        () => null,
      )
    }
    return reading
  }
}
