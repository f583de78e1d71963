import { readFileSync } from 'node:fs'
import tls from 'node:tls'
import { ConfigurationError } from '../support/errors.ts'
import type { NetworkEnvironment } from './environment/environment.ts'
import { useProxy, type IsDirect } from './use-proxy.ts'

/** Never through the proxy, whatever NO_PROXY says: our own API, the sandbox, a model on this machine. */
const ALWAYS_DIRECT = ['localhost', '127.0.0.1', '::1', '[::1]']

/**
 * Makes `fetch` and Node's own HTTP client use the proxy and the certificate
 * authorities of the environment. Node reads only the process's NODE_EXTRA_CA_CERTS,
 * at its start; the one of `.env` comes too late for that, and Node uses no proxy by
 * default. Call it once, before the first request.
 *
 * @param options.extraCaCertsLoaded Node has read the file already
 * @returns removes the proxy
 * @throws ConfigurationError when the certificates cannot be read
 */
export function applyNetworkSettings(
  network: NetworkEnvironment,
  options: { readonly extraCaCertsLoaded?: boolean } = {},
): () => void {
  if (network.extraCaCerts !== null && !options.extraCaCertsLoaded) addAuthorities(network.extraCaCerts)
  if (network.httpsProxy === null) return () => {}
  const direct = [...ALWAYS_DIRECT, ...(network.noProxy?.split(/[\s,]+/) ?? [])].filter(Boolean)
  const isDirect: IsDirect = (hostname, port) =>
    direct.some((entry) => entry === '*' || isListed(entry, hostname.toLowerCase(), port))
  return useProxy(network.httpsProxy, isDirect)
}

/** Is this host among those of NO_PROXY: by its name, or below a name that begins with a dot or `*.`? */
function isListed(entry: string, hostname: string, port: string): boolean {
  const [, name = '', entryPort] = /^(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? []
  if (entryPort !== undefined && entryPort !== (port || '443')) return false
  return /^\*?\./.test(name) ? hostname.endsWith(name.replace(/^\*/, '')) : hostname === name
}

function addAuthorities(path: string): void {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new ConfigurationError(`NODE_EXTRA_CA_CERTS names ${path}, which cannot be read (${code}).`, {
      cause: error,
    })
  }
  const certificates = text.match(CERTIFICATE)
  if (!certificates) {
    throw new ConfigurationError(`NODE_EXTRA_CA_CERTS names ${path}, which holds no certificate in PEM form.`)
  }
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), ...certificates])
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g
