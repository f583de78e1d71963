/** Discord's ids: numbers beyond JavaScript's, kept as text, that grow with time. */

export function isSnowflake(text: string): boolean {
  return typeof text === 'string' && /^\d{5,20}$/.test(text)
}

/** The order in which two things came to be. */
export function compareSnowflakes(a: string, b: string): number {
  // Without leading zeros the longer one is the greater one.
  return a.length === b.length ? (a < b ? -1 : a > b ? 1 : 0) : a.length - b.length
}

export function laterOf(a: string, b: string): string {
  return compareSnowflakes(a, b) >= 0 ? a : b
}

/** The first id of `ms` milliseconds before `id` was made. @see https://discord.com/developers/docs/reference#snowflakes */
export function earlierBy(ms: number, id: string): string {
  const earlier = BigInt(id) - (BigInt(ms) << 22n)
  return String(earlier > 0n ? earlier : 0n)
}

/** The id right before `id`: what comes after it includes `id` itself. */
export function justBefore(id: string): string {
  return String(BigInt(id) - 1n)
}
