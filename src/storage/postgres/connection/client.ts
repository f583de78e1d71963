import type { Socket } from 'node:net'
import { Client } from 'pg'
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
 * With SCRAM, PostgreSQL's default, the server never learns the password.
 */
export class DatabaseClient extends Client implements PasswordRequests {
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
