import type Mail from 'nodemailer/lib/mailer'
import { mayBePlain, type MailServer } from '../../../config/mail-server.ts'
import { Undeliverable } from '../../../inbox/delivery/send-channel.ts'
import { MINUTE, SECOND, untilAborted } from '../../../support/clock.ts'
import { TransientError } from '../../../support/errors.ts'
import type { Secret } from '../../../support/secret.ts'
import type { Trouble } from '../../kit/intake/intake-loop.ts'
import { connectionTrouble, factsOf, serverWords } from '../failure.ts'

const CONNECT_MS = 15 * SECOND
/** A server may scan a mail for a while before it accepts it. @see RFC 5321 §4.5.3.2.6 */
const SOCKET_MS = 2 * MINUTE
/** Providers allow an account few connections at once. */
const PARALLEL = 3
/** Only the operator can correct a wrong password. */
const LOGIN_RETRY_MS = MINUTE

/** The server wants a login before it takes mail. @see RFC 4954 §6 */
const LOGIN_REQUIRED = 530
/** The account has sent all that it may for now; large providers count by the day. @see RFC 3463 §3.5 */
const QUOTA_SPENT = '5.4.5'
const QUOTA_RETRY_MS = 15 * MINUTE

export interface SmtpClientOptions {
  readonly server: MailServer
  readonly username: string
  readonly password: Secret
  /** What is wrong with sending, for the status; null = nothing any more. */
  readonly onTrouble: (trouble: SmtpTrouble | null) => void
}

export type SmtpTrouble = Pick<Trouble, 'state' | 'problem'>

/** The connection to the SMTP server; also used by the account check. */
export async function smtpTransport({ server, username, password }: Omit<SmtpClientOptions, 'onTrouble'>) {
  // Loaded with the first answer: a start must not wait for it.
  const { createTransport } = await import('nodemailer')
  const plain = mayBePlain(server)
  return createTransport({
    host: server.host,
    port: server.port,
    secure: server.secure,
    requireTLS: !server.secure && !plain,
    tls: { rejectUnauthorized: !plain, minVersion: 'TLSv1.2' },
    auth: { user: username, pass: password.reveal() },
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    dnsTimeout: CONNECT_MS,
    socketTimeout: SOCKET_MS,
    logger: false,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
}

/** Sends mails over SMTP. A connection is made for each: an answer takes seconds to write anyway. */
export class SmtpClient {
  readonly #options: SmtpClientOptions
  readonly #waiting: Array<() => void> = []
  #busy = 0

  constructor(options: SmtpClientOptions) {
    this.#options = options
  }

  /** Resolves when the server has accepted the mail. See `SendChannel.send` for what is thrown. */
  async send(mail: Mail.Options, signal: AbortSignal): Promise<void> {
    await this.#turn()
    const transport = await smtpTransport(this.#options)
    try {
      signal.throwIfAborted()
      await untilAborted(transport.sendMail(mail), signal)
      this.#options.onTrouble(null)
    } catch (error) {
      if (signal.aborted) throw new TransientError('the channel is stopping')
      throw this.#classify(error)
    } finally {
      transport.close()
      this.#busy--
      this.#waiting.shift()?.()
    }
  }

  async #turn(): Promise<void> {
    while (this.#busy >= PARALLEL) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#busy++
  }

  /** Classifies by who must act: the recipient's server, ours, or the operator. @see RFC 5321 §4.2.1 */
  #classify(error: unknown): Error {
    const { server, onTrouble } = this.#options
    const { code, command, responseCode } = factsOf(error)
    const status = typeof responseCode === 'number' ? responseCode : null
    const words = serverWords(error)
    if ((code === 'EAUTH' && status !== null && status >= 500) || status === LOGIN_REQUIRED) {
      const problem = `the SMTP server ${server.host} does not take the name or the password (${words}); check EMAIL_ADDRESS and EMAIL_PASSWORD (many providers want an app password)`
      onTrouble({ state: 'failed', problem })
      return new TransientError(problem, LOGIN_RETRY_MS, 'token')
    }
    if (status !== null && status >= 500 && command === 'MAIL FROM') {
      const problem = `the SMTP server ${server.host} does not let this account send from its address (${words}); check EMAIL_ADDRESS`
      onTrouble({ state: 'failed', problem })
      return new TransientError(problem, LOGIN_RETRY_MS, 'sender')
    }
    if (enhancedStatus(error) === QUOTA_SPENT) {
      const problem = `the SMTP server ${server.host} takes no more mail from this account for now (${words})`
      onTrouble({ state: 'retrying', problem })
      return new TransientError(problem, QUOTA_RETRY_MS, 'rate-limited')
    }
    if (status !== null && status >= 500 && (code === 'EENVELOPE' || code === 'EMESSAGE')) {
      return new Undeliverable(`the SMTP server refused the mail (${words})`)
    }
    if (status !== null && (code === 'EENVELOPE' || code === 'EMESSAGE')) {
      return new TransientError(`the SMTP server asks to wait (${words})`, null, 'refused-for-now')
    }
    const { state, problem } = connectionTrouble('SMTP', error, server)
    onTrouble({ state, problem })
    return new TransientError(problem, null, 'network')
  }
}

/** The code behind the code, such as `5.1.1`; null = the server gave none. @see RFC 2034 */
function enhancedStatus(error: unknown): string | null {
  const { response } = factsOf(error)
  return typeof response === 'string'
    ? (/^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1] ?? null)
    : null
}
