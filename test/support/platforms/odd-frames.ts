/** What may stand where something else was meant to. */
const ODD = [null, 7, -1.5, true, 'x', '', [], [null], {}, 1e300]

/** Frames that are none from their outermost level on. */
export const NO_FRAMES: readonly unknown[] = [null, 7, 'x', [], [[]], {}, true]

/** Every version of `frame` in which one part, at whatever depth, is missing or something else. */
export function oddVersions(frame: unknown): unknown[] {
  if (typeof frame !== 'object' || frame === null) return []
  return Object.keys(frame).flatMap((key) => {
    const part = (frame as Record<string, unknown>)[key]
    return [undefined, ...ODD, ...oddVersions(part)].map((odd) => {
      const copy = structuredClone(frame) as Record<string, unknown>
      copy[key] = odd
      return copy
    })
  })
}
