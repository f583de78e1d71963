import type { Config } from '../../config/config.ts'
import { MINUTE, SECOND } from '../../support/clock.ts'
import { error, ok, warning, quoteForShell, type Finding } from './finding.ts'

/** The longest an operator should wait; all addresses are checked in parallel. */
export const NETWORK_LIMIT_MS = 5 * SECOND

/** Less is within the error of a Date header with whole seconds and a slow response. */
const SKEW_WARNING_MS = 30 * SECOND
/** Beyond the margins of token refreshes: tokens would seem valid after they have expired. */
const SKEW_ERROR_MS = 5 * MINUTE

interface Address {
  readonly id: string
  readonly what: string
  readonly url: string
  /** The severity if the address cannot be reached. */
  readonly level: 'error' | 'warning'
}

/**
 * Checks that each address in use responds, with whatever status. Sends no credential.
 *
 * @param model where the Messages API is
 * @param renewable the credential in use needs the token endpoint
 */
export async function checkAddresses(
  model: string,
  { authorizeUrl, tokenUrls }: Config['auth']['oauth'],
  renewable: boolean,
): Promise<readonly Finding[]> {
  const addresses: Address[] = [
    { id: 'reach.model', what: 'The Messages API', url: model, level: 'error' },
    ...tokenUrls.map((url, index): Address => ({
      id: 'reach.token',
      what: index === 0 ? 'The token endpoint' : 'An additional token endpoint',
      url,
      level: index === 0 && renewable ? 'error' : 'warning',
    })),
    { id: 'reach.authorize', what: 'The sign-in page', url: authorizeUrl, level: 'warning' },
  ]
  const findings = await Promise.all(addresses.map(checkAddress))
  return findings.flat()
}

async function checkAddress(address: Address): Promise<readonly Finding[]> {
  const { id, what, url, level } = address
  const { origin } = new URL(url)
  const began = Date.now()
  try {
    const response = await fetch(origin, {
      method: 'HEAD',
      redirect: 'manual',
      signal: AbortSignal.timeout(NETWORK_LIMIT_MS),
    })
    await response.body?.cancel()
    const reached = ok(id, `${what} is reachable (${origin})`)
    if (id !== 'reach.model') return [reached]
    const skew = clockSkew(response.headers.get('date'), began, Date.now())
    return skew === null ? [reached] : [reached, clockFinding(skew)]
  } catch (cause) {
    const message = `${what} cannot be reached: ${origin} (${reasonOf(cause)}).`
    const fix = `curl -sSI ${quoteForShell(origin)}`
    return [level === 'error' ? error(id, message, fix) : warning(id, message, fix)]
  }
}

/** How far the server's clock is ahead of ours, in milliseconds; null = unknown. */
export function clockSkew(date: string | null, began: number, ended: number): number | null {
  const at = Date.parse(date ?? '')
  if (!Number.isFinite(at)) return null
  // The header is truncated to a second, so add half of one; compare with the middle of the request.
  return at + SECOND / 2 - (began + ended) / 2
}

export function clockFinding(skew: number): Finding {
  const size = Math.abs(skew)
  if (size < SKEW_WARNING_MS) return ok('clock', "The clock matches the provider's")
  const message = `The clock of this machine is ${Math.round(size / SECOND)} s ${skew > 0 ? 'behind' : 'ahead of'} the provider's.`
  const fix = process.platform === 'darwin' ? 'sudo sntp -sS time.apple.com' : 'sudo timedatectl set-ntp true'
  return size < SKEW_ERROR_MS ? warning('clock', message, fix) : error('clock', message, fix)
}

function reasonOf(cause: unknown): string {
  if (cause instanceof Error && cause.name === 'TimeoutError')
    return `no answer within ${NETWORK_LIMIT_MS / SECOND} s`
  const { code, message } = ((cause as Error).cause ?? cause) as { code?: unknown; message?: string }
  return typeof code === 'string' ? code : (message ?? 'no connection')
}
