import { DAY, HOUR, MINUTE, SECOND } from '../support/clock.ts'

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: SECOND, m: MINUTE, h: HOUR, d: DAY }

/** `500ms`, `60s`, `2m`, `1h`, `1d` in milliseconds; null for anything else. */
export function parseDuration(text: string | undefined): number | null {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text ?? '')
  return match ? Math.round(Number(match[1]) * UNITS[match[2]!]!) : null
}

/** A duration for people: `5 s`, `2 min`, `3 h`. */
export function durationText(ms: number): string {
  if (ms < SECOND) return `${Math.max(0, Math.round(ms))} ms`
  if (ms < 2 * MINUTE) return `${Math.round(ms / SECOND)} s`
  return ms < 2 * HOUR ? `${Math.round(ms / MINUTE)} min` : `${Math.round(ms / HOUR)} h`
}
