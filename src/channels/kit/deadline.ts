import { proxyFailureIn } from '../../support/proxy-tunnel.ts'

/**
 * Runs a request that ends with `signal` or after `timeoutMs`. By hand, because signals made by
 * `AbortSignal.any` and `AbortSignal.timeout` live on after the request, one for each of them.
 *
 * @param translate makes the error of the caller's kind
 * @throws the signal's reason when aborted, otherwise what `run` threw, translated
 */
export async function within<T>(
  timeoutMs: number,
  signal: AbortSignal,
  run: (deadline: AbortSignal) => Promise<T>,
  translate: (error: unknown) => unknown = (error) => error,
): Promise<T> {
  signal.throwIfAborted()
  const controller = new AbortController()
  const abort = () => controller.abort()
  const timer = setTimeout(abort, timeoutMs)
  timer.unref()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await run(controller.signal)
  } catch (error) {
    throw signal.aborted ? signal.reason : translate(error)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}

/** What `networkCode` says of an answer that is longer than is read. */
export const TOO_LARGE = 'too large'

/** What may be said of a failed request: only its code, for texts of undici may quote the address and what it holds. */
export function networkCode(error: unknown): string {
  const proxy = proxyFailureIn(error)
  if (proxy) return proxy.message
  for (let at = error, depth = 0; at instanceof Error && depth < 5; depth++) {
    if ('code' in at && typeof at.code === 'string') return at.code
    if (at.name === 'TimeoutError' || at.name === 'AbortError') return 'timeout'
    if (at instanceof SyntaxError) return 'not JSON'
    at = 'error' in at ? at.error : at.cause
  }
  return 'connection failed'
}

/** `promise`, or the signal's reason as soon as it is aborted; what was begun continues. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
