import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { ConfigurationError } from '../../support/errors.ts'
import { SECRET_FILE_MODE } from '../../support/files/secret-file.ts'
import { isLoopbackHost } from '../../support/loopback.ts'
import { Secret } from '../../support/secret.ts'

/** 256 bits: infeasible to guess. */
const TOKEN_BYTES = 32

/** The bearer token of the HTTP API; null = there is none yet. @throws ConfigurationError when it cannot be read */
export function readGatewayToken(path: string): Secret | null {
  const token = read(path)
    .replace(/^\ufeff/, '')
    .trim()
  // It must fit into a header: nobody could sign in with an invisible letter in it.
  if (!/^[\x21-\x7e]*$/.test(token))
    throw new ConfigurationError(
      `${path} holds white space or a character that no token has; write it again.`,
    )
  return token === '' ? null : new Secret(token)
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return ''
    throw new ConfigurationError(`${path} cannot be read (${code}).`, { cause: error })
  }
}

/**
 * May the gateway listen on `host`? Beyond this machine only with a token that existed
 * before, so that nobody exposes a gateway without knowing that it has one.
 *
 * @throws ConfigurationError with what to do
 */
export function assertBindAllowed(host: string, tokenExistedBefore: boolean): void {
  if (isLoopbackHost(host) || tokenExistedBefore) return
  throw new ConfigurationError(
    `gateway.host is ${host}, which other machines can reach, and there was no gateway.token before this start. ` +
      'Start once on 127.0.0.1, which makes the token, or write one of your own; then start again.',
  )
}

/**
 * The token for a gateway on `host`, made if missing (0600), and whether it existed
 * before. A start that is refused makes none: the second attempt is refused as well.
 *
 * @throws ConfigurationError @see assertBindAllowed
 */
export function prepareGatewayToken(
  path: string,
  host: string,
): { readonly token: Secret; readonly existedBefore: boolean } {
  const existing = readGatewayToken(path)
  assertBindAllowed(host, existing !== null)
  if (existing) return { token: existing, existedBefore: true }
  const token = new Secret(randomBytes(TOKEN_BYTES).toString('base64url'))
  // A crash in here leaves an empty file.
  const file = openSync(path, 'w', SECRET_FILE_MODE)
  try {
    writeSync(file, `${token.reveal()}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  return { token, existedBefore: false }
}
