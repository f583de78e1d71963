import { isLoopbackHost } from '../support/loopback.ts'
import { orNull } from './shape/compound.ts'
import { count, flag, pattern } from './shape/scalars.ts'
import { key } from './shape/section.ts'
import type { ValueOf } from './shape/shape.ts'

/** How to connect to a mail server. */
export interface MailServer {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string
  readonly port: number
  /** TLS from the first byte. Otherwise STARTTLS first, optional only for this machine. */
  readonly secure: boolean
}

export type MailProtocol = 'imap' | 'smtp'

/** A name or an address, IPv6 in brackets, and perhaps a port. */
const MAIL_HOST = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?))(?::(\d{1,5}))?$/
const HIGHEST_PORT = 65_535

/** A mail server in `config.yaml`; null = by the other values. `variable` of the environment wins over the host. */
export const mailServerKeys = (variable: string) => ({
  host: key(
    orNull(pattern(MAIL_HOST, 'a host, such as mail.example.org')),
    null,
    `Its name; ${variable} wins.`,
  ),
  port: key(orNull(count(1, HIGHEST_PORT)), null, 'Its port.'),
  secure: key(
    orNull(flag),
    null,
    'true: TLS from the first byte. false: STARTTLS, which only a server on this machine may lack. Left out: by the port.',
  ),
})

type MailServerKeys = {
  readonly [Name in keyof ReturnType<typeof mailServerKeys>]: ValueOf<ReturnType<typeof mailServerKeys>[Name]>
}

/** The ports at which TLS begins with the first byte. @see RFC 8314 §7.2 */
const IMPLICIT_TLS_PORT: Readonly<Record<MailProtocol, number>> = { imap: 993, smtp: 465 }
const STARTTLS_PORT: Readonly<Record<MailProtocol, number>> = { imap: 143, smtp: 587 }
/** Registered or common ports at which a connection begins in the clear and is upgraded. */
const STARTTLS_PORTS: ReadonlySet<number> = new Set([143, 587, 25, 2525])

/** `mail.example.org`, `mail.example.org:587` or `[::1]:143`; null = it is none of these. */
export function parseMailHost(text: string): { readonly host: string; readonly port: number | null } | null {
  const match = MAIL_HOST.exec(text.trim())
  const host = match?.[1] ?? match?.[2]
  if (!match || host === undefined) return null
  const port = match[3] === undefined ? null : Number(match[3])
  if (port !== null && (port === 0 || port > HIGHEST_PORT)) return null
  return { host, port }
}

/**
 * The server that the environment and the file name together; the environment's host and port win.
 * Null: none is configured.
 */
export function mailServer(
  protocol: MailProtocol,
  fromEnvironment: string | null,
  file: MailServerKeys,
): MailServer | null {
  const named = parseMailHost(fromEnvironment ?? file.host ?? '')
  if (!named) return null
  const port = named.port ?? file.port
  // An unknown port uses implicit TLS unless configured otherwise: never send a password in the clear.
  const secure = file.secure ?? (port === null || !STARTTLS_PORTS.has(port))
  return { host: named.host, port: port ?? (secure ? IMPLICIT_TLS_PORT : STARTTLS_PORT)[protocol], secure }
}

/** May this connection lack TLS, or use any certificate? Only on loopback, which nobody can intercept. */
export function mayBePlain(server: MailServer): boolean {
  return isLoopbackHost(server.host)
}
