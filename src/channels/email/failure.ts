import type { MailServer } from '../../config/mail-server.ts'
import { redact } from '../../support/text/redact.ts'
import type { Trouble } from '../kit/intake/intake-loop.ts'

/** A server's own words are shown, but not a page of them. */
const MAX_WORDS = 200

/** TLS errors that need another certificate or host name. */
const CERTIFICATE_CODES: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])
/** Answers to a login that say nothing about the password. @see RFC 5530 §3 */
const PASSING: ReadonlySet<string> = new Set(['UNAVAILABLE', 'INUSE', 'LIMIT', 'SERVERBUG'])

/** The facts that imapflow and nodemailer attach to what they throw. */
interface MailErrorFacts {
  readonly code?: unknown
  /** What the system said, where a library put its own code over it. */
  readonly originalCode?: unknown
  readonly command?: unknown
  readonly responseCode?: unknown
  readonly response?: unknown
  readonly responseText?: unknown
  readonly serverResponseCode?: unknown
  readonly authenticationFailed?: unknown
  readonly mailboxMissing?: unknown
  readonly tlsFailed?: unknown
}

export function factsOf(error: unknown): MailErrorFacts {
  return typeof error === 'object' && error !== null ? error : {}
}

function codeOf(error: unknown): unknown {
  const { originalCode, code } = factsOf(error)
  return originalCode ?? code
}

/** What a server said, without what it may have repeated of a secret; empty = it said nothing. */
export function serverWords(error: unknown): string {
  const { responseText, response } = factsOf(error)
  const code = codeOf(error)
  const said = [responseText, response].find((words) => typeof words === 'string' && words !== '')
  const words = typeof said === 'string' ? said : typeof code === 'string' ? code : ''
  return redact(words).replace(/\s+/g, ' ').trim().slice(0, MAX_WORDS)
}

/** What went wrong with the IMAP server. */
export function imapTrouble(error: unknown, server: MailServer, mailbox: string): Trouble {
  const { authenticationFailed, serverResponseCode, mailboxMissing } = factsOf(error)
  const words = serverWords(error)
  const said = words === '' ? '' : ` (${words})`
  if (authenticationFailed === true && !PASSING.has(String(serverResponseCode))) {
    const problem = `the IMAP server ${server.host} does not take the name or the password${said}; check EMAIL_ADDRESS and EMAIL_PASSWORD (many providers want an app password)`
    return { state: 'failed', problem }
  }
  if (mailboxMissing === true) {
    const problem = `the mailbox has no folder ${JSON.stringify(mailbox)}; check channels.email.mailbox`
    return { state: 'failed', problem }
  }
  return connectionTrouble('IMAP', error, server)
}

export function connectionTrouble(protocol: 'IMAP' | 'SMTP', error: unknown, server: MailServer): Trouble {
  const { tlsFailed } = factsOf(error)
  const code = codeOf(error)
  const words = serverWords(error)
  const said = words === '' ? '' : ` (${words})`
  if (CERTIFICATE_CODES.has(String(code))) {
    const problem = `the certificate of the ${protocol} server ${server.host} cannot be trusted${said}`
    return { state: 'failed', problem }
  }
  if (tlsFailed === true || code === 'ETLS') {
    const problem = `the ${protocol} server ${server.host} does not encrypt at port ${server.port}${said}; check channels.email.${protocol.toLowerCase()}.secure and its port`
    // A line that broke in the middle of the greeting looks the same.
    return { state: 'retrying', problem }
  }
  return {
    state: 'retrying',
    problem: `the ${protocol} server ${server.host} cannot be reached${said}`,
  }
}
