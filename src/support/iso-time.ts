/** The longest time that a Date can hold; odd values in files must not become exceptions. */
const MAX_TIME = 8.64e15

/** Epoch milliseconds in ISO 8601, UTC; null stays null. Never throws. */
export function isoTime(ms: number): string
export function isoTime(ms: number | null): string | null
export function isoTime(ms: number | null): string | null {
  return ms === null ? null : new Date(Math.max(-MAX_TIME, Math.min(MAX_TIME, ms))).toISOString()
}
