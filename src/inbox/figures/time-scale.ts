/**
 * Times to an answer as counts in buckets, so that a minute, an hour and a month can be added
 * up and still give their median: each bucket ends a quarter later than the one before, which is
 * finer than the eye reads a plot.
 */

/** Seconds at which the first bucket ends: nothing is answered sooner. */
const FIRST_END = 0.05
const GROWTH = 1.25
/** The last bucket begins after a week: messages are not held longer. */
const BUCKETS = 74

/** The bucket of a time in seconds. */
export function bucketOf(seconds: number): number {
  if (!(seconds > FIRST_END)) return 0
  return Math.min(BUCKETS - 1, Math.ceil(Math.log(seconds / FIRST_END) / Math.log(GROWTH)))
}

/** The figures in which the buckets are kept, in the order of time. */
export const TIME_FIGURES: readonly string[] = Array.from({ length: BUCKETS }, (_, bucket) =>
  timeFigure(bucket),
)

export function timeFigure(bucket: number): string {
  return `time.${bucket}`
}

/**
 * The time within which the share `q` of the answers came, in seconds.
 *
 * @param counts one for each bucket
 * @returns null where there is no answer
 */
export function quantile(counts: readonly number[], q: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return null
  const rank = q * total
  let before = 0
  for (const [bucket, count] of counts.entries()) {
    if (count > 0 && before + count >= rank) {
      const start = bucket === 0 ? 0 : endOf(bucket - 1)
      return start + (endOf(bucket) - start) * Math.max(0, (rank - before) / count)
    }
    before += count
  }
  return endOf(BUCKETS - 1)
}

function endOf(bucket: number): number {
  return FIRST_END * GROWTH ** bucket
}
