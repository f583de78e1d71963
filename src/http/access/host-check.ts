import { isLoopbackHost } from '../../support/loopback.ts'

/**
 * Which `Host` names are accepted, against DNS rebinding: a foreign site can make its own
 * name resolve to 127.0.0.1, but cannot change the `Host` that the browser sends.
 *
 * @see https://datatracker.ietf.org/doc/html/rfc9110#section-7.4
 */
export class HostCheck {
  readonly #names: ReadonlySet<string>
  readonly #origins: ReadonlySet<string>
  /** Names that people reach over TLS alone: a page over plain http under one is somebody's on the way. */
  readonly #secureNames: ReadonlySet<string>
  /** Whole `Host` values that were found good: clients send the same one over and over. */
  readonly #good = new Set<string>()

  /** @param publicUrls addresses of the gateway in addition to loopback */
  constructor(publicUrls: readonly string[]) {
    const urls = publicUrls.map((url) => new URL(url))
    this.#names = new Set(urls.map((url) => url.hostname))
    this.#origins = new Set(urls.map((url) => url.origin))
    const plain = new Set(urls.filter((url) => url.protocol === 'http:').map((url) => url.hostname))
    this.#secureNames = new Set([...this.#names].filter((name) => !plain.has(name)))
  }

  /** Is `host` (with or without a port) one of ours? */
  isOurs(host: string | undefined): boolean {
    if (host === undefined) return false
    if (this.#good.has(host)) return true
    const name = hostName(host)
    if (name === null || !(isLoopbackHost(name) || this.#names.has(name))) return false
    if (this.#good.size < MAX_REMEMBERED) this.#good.add(host)
    return true
  }

  /**
   * Does a request with this `Origin`, sent to this `Host`, come from our own page?
   * The port counts: another program on this machine serves pages on another one.
   */
  isSameOrigin(origin: string, host: string): boolean {
    if (this.#origins.has(origin)) return true
    if (origin.toLowerCase() !== `http://${host.toLowerCase()}`) return false
    const name = hostName(host)
    return name !== null && (isLoopbackHost(name) || !this.#secureNames.has(name))
  }
}

/** Enough for a few spellings of a few names; bounded, because a stranger can make up ports. */
const MAX_REMEMBERED = 32

const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i

function hostName(host: string): string | null {
  return HOST.exec(host)?.[1]?.toLowerCase() ?? null
}
