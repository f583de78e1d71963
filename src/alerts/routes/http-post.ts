import { VERSION } from '../../support/package.ts'
import { proxyFailureIn } from '../../support/proxy-tunnel.ts'
import type { Secret } from '../../support/secret.ts'

/**
 * One POST; redirects are not followed, because the body may name an account.
 *
 * @throws Error with the status, never with the address: it may hold a secret
 */
export async function post(
  url: Secret,
  body: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const response = await fetch(url.reveal(), {
    method: 'POST',
    body,
    headers: { 'user-agent': `hermes-gateway/${VERSION}`, ...headers },
    redirect: 'manual',
    signal,
  })
  await response.body?.cancel()
  if (!response.ok) throw new Error(`answered ${response.status}`)
}

/** Does anything answer there? Any status is enough: nothing is to be sent. */
export async function checkReachable(url: Secret, signal: AbortSignal): Promise<string | null> {
  try {
    const response = await fetch(new URL('/', url.reveal()), { method: 'HEAD', redirect: 'manual', signal })
    await response.body?.cancel()
    return null
  } catch (error) {
    return `cannot be reached (${codeOf(error)})`
  }
}

function codeOf(error: unknown): string {
  const proxy = proxyFailureIn(error)
  if (proxy) return proxy.message
  const cause = (error as { cause?: { code?: unknown } }).cause
  return typeof cause?.code === 'string' ? cause.code : error instanceof Error ? error.name : 'unknown'
}
