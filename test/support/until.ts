/** Never asynchronous: a promise is truthy before anything is known. */
export type Probe<T> = () => T extends PromiseLike<unknown> ? never : T

/**
 * Resolves with the first truthy value of `probe`, asked every few milliseconds.
 *
 * @throws when there is none within `timeoutMs`
 */
export async function until<T>(
  probe: Probe<T>,
  what = 'the condition',
  timeoutMs = 15_000,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const value = probe()
    if (value) return value
    if (performance.now() > deadline) throw new Error(`${what} did not come true within ${timeoutMs} ms`)
    await pause(5)
  }
}

/**
 * Lets `ms` of real time pass: to see that something does not happen, or as a pace. What is waited for
 * has an event; that is `until`.
 */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
