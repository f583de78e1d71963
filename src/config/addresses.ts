import { ConfigurationError } from '../support/errors.ts'
import { isLoopbackHost } from '../support/loopback.ts'

/**
 * Why credentials may not be sent to `address`, as the end of a sentence; null = they
 * may. Plain HTTP is for this machine alone, and an address with a password in it
 * would end up in logs.
 */
export function addressProblem(address: string): string | null {
  const url = URL.canParse(address) ? new URL(address) : null
  if (!url || !/^https?:$/.test(url.protocol)) return 'expected an address that begins with https://'
  if (url.hostname.includes('*')) return 'an address names one host, without "*"'
  if (url.username || url.password) return 'an address must not hold a user name or password'
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) {
    return 'plain http is allowed only to this machine (localhost, 127.0.0.1); use https'
  }
  return null
}

/** The settings that name where a credential may go. */
interface CredentialAddresses {
  readonly model: { readonly baseUrl: string }
  readonly auth: { readonly oauth: { readonly authorizeUrl: string; readonly tokenUrls: readonly string[] } }
}

/**
 * The hosts (with a port where it is not the usual one) to which a credential may
 * leave, besides this machine: those of `model.base_url` and `auth.oauth`.
 */
export function allowedCredentialHosts(config: CredentialAddresses): ReadonlySet<string> {
  const { authorizeUrl, tokenUrls } = config.auth.oauth
  return new Set([config.model.baseUrl, authorizeUrl, ...tokenUrls].map((address) => new URL(address).host))
}

/**
 * Asserts that a credential may be sent to `address`. Called at load for every
 * configured address and before a request whose address came from elsewhere.
 *
 * @throws ConfigurationError naming the host and the setting that would allow it
 */
export function assertCredentialUrl(address: string | URL, allowed: ReadonlySet<string>): void {
  const url = new URL(address)
  const problem = addressProblem(url.href)
  if (problem) throw new ConfigurationError(`Credentials are not sent to ${url.host}: ${problem}.`)
  if (isLoopbackHost(url.hostname) || allowed.has(url.host)) return
  throw new ConfigurationError(
    `Credentials are not sent to ${url.host}: it is named neither in model.base_url nor in auth.oauth.`,
  )
}

/** Without the trailing slash, and without the `/v1` that the SDK adds. */
export function normalBaseUrl(address: string): string {
  return withoutTrailingSlash(address).replace(/\/v1$/, '')
}

export function withoutTrailingSlash(address: string): string {
  return address.replace(/\/+$/, '')
}
