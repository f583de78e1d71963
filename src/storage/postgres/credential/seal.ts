import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { StoreError } from '../../../support/errors.ts'
import type { SecretKey } from './secret-keys.ts'

/** A text as stored in the database. */
export interface Sealed {
  /** Which key opens it. */
  readonly keyId: string
  /** Nonce, tag and ciphertext, one after the other. */
  readonly bytes: Buffer
}

/**
 * Where a sealed text belongs. A text that was moved to another row, or stands with another version than its own, does
 * not open. An old text that is put back together with its version does: who can write the table can do that.
 */
export interface SealedPlace {
  readonly row: string
  readonly version: number
}

const CIPHER = 'aes-256-gcm'
/** The nonce length of GCM. Random: a key seals some thousand texts in its life, far below 2^32. */
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** @see https://csrc.nist.gov/pubs/sp/800/38/d/final */
export function seal(text: string, key: SecretKey, place: SealedPlace): Sealed {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, key.reveal(), nonce).setAAD(boundTo(place))
  const ciphertext = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return { keyId: key.id, bytes: Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]) }
}

/**
 * @param keys the available keys, in any order
 * @throws StoreError where none of them opens it; the message holds nothing of it
 */
export function unseal({ keyId, bytes }: Sealed, keys: readonly SecretKey[], place: SealedPlace): string {
  const key = keys.find(({ id }) => id === keyId)
  if (!key) {
    const known = keys.map(({ id }) => id).join(', ')
    throw new StoreError(
      `the sign-in in the database was encrypted with another key (${keyId}) than HERMES_SECRET_KEY or storage.secret_key_file give (${known})`,
    )
  }
  try {
    const decipher = createDecipheriv(CIPHER, key.reveal(), bytes.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    })
    decipher.setAAD(boundTo(place)).setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
    const text = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES))
    return Buffer.concat([text, decipher.final()]).toString('utf8')
  } catch {
    throw new StoreError('the sign-in in the database was changed by something else than this program')
  }
}

function boundTo({ row, version }: SealedPlace): Buffer {
  return Buffer.from(`hermes-gateway\0${row}\0${version}`)
}
