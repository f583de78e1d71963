import { readFile } from 'node:fs/promises'
import { SECOND, type Clock } from '../../support/clock.ts'

/** An edited prompt applies within this time; a busy gateway does not read the file for every message. */
const FRESH_MS = 2 * SECOND

/** The programs that write a `SOUL.md` into each new home, as that text calls the assistant. */
const OTHER_NAME =
  /\b(?:you are|you're|i am|i'm|name is|called)\s+(?:the\s+|an?\s+)?[*_]{0,2}(hermes agent|openclaw|clawdbot|moltbot)\b/i

/** Why the system prompt at `path` should be checked; null = nothing is odd. */
export async function soulWarning(path: string): Promise<string | null> {
  const name = OTHER_NAME.exec(await readFile(path, 'utf8').catch(() => ''))?.[1]
  return name === undefined ? null : `SOUL.md tells the assistant that it is ${name}. Write who it is here.`
}

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
