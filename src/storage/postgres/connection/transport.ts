import type { ClientConfig } from 'pg'
import { ConfigurationError } from '../../../support/errors.ts'
import { isLoopbackHost } from '../../../support/loopback.ts'
import type { Secret } from '../../../support/secret.ts'
import { DatabaseClient } from './client.ts'
import { WRITE_DISABLE } from './failures.ts'

/** How a connection is kept from others. */
export type Transport =
  /** The database is on this machine, or the operator wrote that the network is safe. */
  | { readonly kind: 'local' | 'clear'; readonly host: string }
  /** @property ssl for an address that says nothing about it */
  | { readonly kind: 'verified'; readonly host: string; readonly ssl: NonNullable<ClientConfig['ssl']> }

/**
 * How the database of `url` is reached. Beyond this machine only over TLS that checks who answers,
 * unless the address itself says `sslmode=disable`.
 *
 * @throws ConfigurationError for TLS that checks nobody; the driver's error for what is no address
 */
export function transportOf(url: Secret): Transport {
  const address = url.reveal()
  // Read by the driver itself, so that nothing is understood in two ways.
  const { host, ssl } = new DatabaseClient({ connectionString: address, ssl: { rejectUnauthorized: true } })
  if (host.startsWith('/') || isLoopbackHost(host)) return { kind: 'local', host }
  const options: unknown = ssl
  // `ssl=0` and other spellings of the driver's are no clear word.
  if (!options && DISABLED.test(address)) return { kind: 'clear', host }
  if (!options || !checksServer(options))
    throw new ConfigurationError(
      `storage.url: nothing would check that ${host} is the database. Use sslmode=verify-full (with ` +
        `sslrootcert=FILE for an authority of your own), or ${WRITE_DISABLE}.`,
    )
  return { kind: 'verified', host, ssl: { rejectUnauthorized: true } }
}

const DISABLED = /[?&]sslmode=disable(?:&|$)/

function checksServer(ssl: unknown): boolean {
  if (ssl === true) return true
  const { rejectUnauthorized, checkServerIdentity } = ssl as {
    rejectUnauthorized?: boolean
    checkServerIdentity?: unknown
  }
  return rejectUnauthorized !== false && checkServerIdentity === undefined
}
