import { createHash, hkdfSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ConfigurationError } from '../../../support/errors.ts'
import { inspectSecretFile } from '../../../support/files/secret-file.ts'
import type { Secret } from '../../../support/secret.ts'

/** Seals the sign-in in the database. Its key material is in no printable property. */
export class SecretKey {
  /** Identifies the key; stored next to what it sealed. Reveals nothing about the key itself. */
  readonly id: string
  readonly #bytes: Buffer

  /** @param raw the 32 bytes that the operator made */
  constructor(raw: Buffer) {
    // A derived key, never the operator's bytes: another use of the same secret must not share the key.
    this.#bytes = Buffer.from(hkdfSync('sha256', raw, '', 'hermes-gateway sign-in v1', KEY_BYTES))
    this.id = createHash('sha256')
      .update('hermes-gateway key id\0')
      .update(this.#bytes)
      .digest('hex')
      .slice(0, 8)
  }

  /** For the cipher alone. */
  reveal(): Buffer {
    return this.#bytes
  }
}

export interface SecretKeyPlaces {
  /** `HERMES_SECRET_KEY`; null = not set. */
  readonly variable: Secret | null
  /** `storage.secret_key_file`; null = none. */
  readonly file: string | null
}

const KEY_BYTES = 32
/** Of 32 random bytes about 30 differ; fewer than this is a pattern that somebody typed. */
const LEAST_DIFFERENT_BYTES = 16

const HOW_TO = 'Make one with `openssl rand -base64 32`, and give every gateway of this database the same.'

/**
 * The keys that the sign-in in the database may be sealed with, the newest first: new
 * things are sealed with that one. Several, separated by commas or lines, are there only
 * while a key is being replaced.
 *
 * @throws ConfigurationError where there is none, or one that is no key
 */
export function readSecretKeys({ variable, file }: SecretKeyPlaces): readonly SecretKey[] {
  if (variable !== null && file !== null) {
    throw new ConfigurationError('give either HERMES_SECRET_KEY or storage.secret_key_file, not both.')
  }
  const place = file === null ? 'HERMES_SECRET_KEY' : 'storage.secret_key_file'
  const text = file === null ? (variable?.reveal() ?? '') : readKeyFile(file)
  const keys = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((each) => parseSecretKey(each, place))
  if (keys.length === 0) {
    throw new ConfigurationError(
      `a sign-in is kept encrypted in PostgreSQL, which needs a key: set HERMES_SECRET_KEY, or name a file in storage.secret_key_file. ${HOW_TO}`,
    )
  }
  return keys
}

function readKeyFile(path: string): string {
  const state = inspectSecretFile(path, { rootMayOwn: true })
  if (state.kind === 'absent') {
    throw new ConfigurationError(`storage.secret_key_file: ${path} is not there. ${HOW_TO}`)
  }
  if (state.kind === 'refused') throw new ConfigurationError(`storage.secret_key_file: ${state.reason}`)
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new ConfigurationError(`storage.secret_key_file: ${path} cannot be read (${code}).`, {
      cause: error,
    })
  }
}

function parseSecretKey(text: string, place: string): SecretKey {
  const bytes = /^[0-9a-f]{64}$/i.test(text)
    ? Buffer.from(text, 'hex')
    : /^[A-Za-z0-9+/_-]+={0,2}$/.test(text)
      ? Buffer.from(text, 'base64')
      : Buffer.alloc(0)
  if (bytes.length !== KEY_BYTES) {
    throw new ConfigurationError(`${place} must be ${KEY_BYTES} bytes in base64 or hex. ${HOW_TO}`)
  }
  if (new Set(bytes).size < LEAST_DIFFERENT_BYTES) {
    throw new ConfigurationError(`${place} is too regular to be random, and can be guessed. ${HOW_TO}`)
  }
  return new SecretKey(bytes)
}
