import type { Config } from '../../config/config.ts'
import { MINUTE, SECOND } from '../../support/clock.ts'
import { error, ok, warning, word, type Finding } from './finding.ts'

/** As long as an operator waits for one answer; all are asked at the same time. */
export const NETWORK_LIMIT_MS = 5 * SECOND

/** A Date header has whole seconds and a busy machine answers late: less is no finding. */
const SKEW_WARNING_MS = 30 * SECOND
/** Tokens are judged by time: far beyond the margins with which they are renewed ahead. */
const SKEW_ERROR_MS = 5 * MINUTE

interface Address {
  readonly id: string
  readonly what: string
  readonly url: string
  /** How bad it is when nothing answers there. */
  readonly level: 'error' | 'warning'
}

/**
 * Does something answer at each configured address? Any answer will do; no credential is sent.
 *
 * @param renewable the credential in use has to be refreshed at the token endpoint
 */
export async function checkAddresses(config: Config, renewable: boolean): Promise<readonly Finding[]> {
  const { authorizeUrl, tokenUrls } = config.auth.oauth
  const addresses: Address[] = [
    { id: 'reach.model', what: 'The Messages API', url: config.model.baseUrl, level: 'error' },
    ...tokenUrls.map((url, index): Address => ({
      id: 'reach.token',
      what: index === 0 ? 'The token endpoint' : 'A further token endpoint',
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
    const reached = ok(id, `${what} answers (${origin})`)
    if (id !== 'reach.model') return [reached]
    const skew = clockSkew(response.headers.get('date'), began, Date.now())
    return skew === null ? [reached] : [reached, judgeSkew(skew)]
  } catch (cause) {
    const message = `${what} cannot be reached: ${origin} (${reasonOf(cause)}).`
    const mend = `curl -sSI ${word(origin)}`
    return [level === 'error' ? error(id, message, mend) : warning(id, message, mend)]
  }
}

/** How far the server's clock is ahead of ours, in milliseconds; null = it does not say. */
export function clockSkew(date: string | null, began: number, ended: number): number | null {
  const at = Date.parse(date ?? '')
  if (!Number.isFinite(at)) return null
  // Cut off to the second there, so half of one is added; said somewhere between question and answer.
  return at + SECOND / 2 - (began + ended) / 2
}

export function judgeSkew(skew: number): Finding {
  const size = Math.abs(skew)
  if (size < SKEW_WARNING_MS) return ok('clock', "The clock agrees with the provider's")
  const message = `The clock of this machine is ${Math.round(size / SECOND)} s ${skew > 0 ? 'behind' : 'ahead of'} the provider's.`
  const mend =
    process.platform === 'darwin' ? 'sudo sntp -sS time.apple.com' : 'sudo timedatectl set-ntp true'
  return size < SKEW_ERROR_MS ? warning('clock', message, mend) : error('clock', message, mend)
}

function reasonOf(cause: unknown): string {
  if (cause instanceof Error && cause.name === 'TimeoutError')
    return `no answer within ${NETWORK_LIMIT_MS / SECOND} s`
  const { code, message } = ((cause as Error).cause ?? cause) as { code?: unknown; message?: string }
  return typeof code === 'string' ? code : (message ?? 'no connection')
}
