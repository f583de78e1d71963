import type { ImapFlow } from 'imapflow'
import { mayBePlain, type MailServer } from '../../../config/mail-server.ts'
import { SECOND } from '../../../support/clock.ts'
import type { Secret } from '../../../support/secret.ts'

export interface ImapAccount {
  readonly server: MailServer
  readonly username: string
  readonly password: Secret
}

const CONNECT_MS = 20 * SECOND
/** While a mail is loaded; longer than any quiet in IDLE, which must not be taken for a broken line. */
const SOCKET_MS = 90 * SECOND

/** A connection that is not opened yet. Without TLS, and with any certificate, only on this machine. */
export async function imapClient({ server, username, password }: ImapAccount): Promise<ImapFlow> {
  // Loaded when the channel runs, not when the gateway starts: ready comes first.
  const { ImapFlow } = await import('imapflow')
  const plain = mayBePlain(server)
  return new ImapFlow({
    host: server.host,
    port: server.port,
    secure: server.secure,
    // Undecided, the library takes TLS where it is offered.
    ...(server.secure || plain ? {} : { doSTARTTLS: true }),
    tls: { rejectUnauthorized: !plain, minVersion: 'TLSv1.2' },
    auth: { user: username, pass: password.reveal() },
    logger: false,
    disableAutoIdle: true,
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    socketTimeout: SOCKET_MS,
  })
}
