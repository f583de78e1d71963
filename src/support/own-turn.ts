/** What is longer takes the event loop for a millisecond or more to parse, to build or to write. */
export const HEAVY_BYTES = 128 * 1024

/** When the last turn that was given out is over. */
let last: Promise<void> = Promise.resolve()

/**
 * Resolves at the beginning of a turn of the event loop that no other caller has: what its caller does
 * before it waits again is followed by everything else that is to be served. A dozen large bodies that
 * arrive at the same time would otherwise keep all others waiting for the sum of them.
 */
export function ownTurn(): Promise<void> {
  last = last.then(() => new Promise<void>((resolve) => setImmediate(resolve)))
  return last
}
