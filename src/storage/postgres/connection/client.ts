import type { Socket } from 'node:net'
import { Client, type ClientConfig } from 'pg'
import { CLEAR_PASSWORD, DatabaseError } from './failures.ts'

/** What pg calls when the server asks for the password. */
interface PasswordRequests {
  _handleAuthCleartextPassword(request: unknown): void
  _handleAuthMD5Password(request: unknown): void
}

const { _handleAuthCleartextPassword: sendClear, _handleAuthMD5Password: sendMd5 } =
  Client.prototype as unknown as PasswordRequests

/**
 * A client that gives its password as it is, or as an MD5 sum that can be guessed from, only over TLS
 * or through a Unix socket: on a port anybody may listen who was first, and on a network anybody reads.
 * With SCRAM, PostgreSQL's default, the server never learns the password. Over TLS it checks who answers,
 * unless its settings say otherwise: no variable of the environment does.
 */
export class DatabaseClient extends Client implements PasswordRequests {
  constructor(config?: ClientConfig) {
    super(config)
    const { connection } = this as unknown as { connection: { ssl: unknown } }
    if (!connection.ssl) return
    if (typeof connection.ssl !== 'object') connection.ssl = { rejectUnauthorized: true }
    else (connection.ssl as { rejectUnauthorized?: boolean }).rejectUnauthorized ??= true
  }

  _handleAuthCleartextPassword(request: unknown): void {
    if (this.#isPrivate()) sendClear.call(this as never, request)
    else this.#refuse()
  }

  _handleAuthMD5Password(request: unknown): void {
    if (this.#isPrivate()) sendMd5.call(this as never, request)
    else this.#refuse()
  }

  /** pg ends a connection that was to be encrypted and is not. */
  #isPrivate(): boolean {
    return Boolean(this.ssl) || this.host.startsWith('/')
  }

  #refuse(): void {
    const { stream } = (this as unknown as { connection: { stream: Socket } }).connection
    stream.destroy(
      new DatabaseError(
        'the database asks for the password unprotected. Let it use scram-sha-256, or turn TLS on ' +
          '(sslmode=verify-full)',
        CLEAR_PASSWORD,
      ),
    )
  }
}
