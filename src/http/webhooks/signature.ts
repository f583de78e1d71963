import { createHmac, timingSafeEqual } from 'node:crypto'
import { MINUTE, SECOND } from '../../support/clock.ts'
import type { Secret } from '../../support/secret.ts'

/** As the specification suggests: clocks differ, and networks are slow. Older ids are found in the inbox. */
const TOLERANCE_MS = 5 * MINUTE
/** Marks a secret in base64; any other text is the key itself. */
const SECRET_PREFIX = 'whsec_'
/** During a key change a sender signs with the old and the new one; more are not expected. */
const MAX_SIGNATURES = 10

const ID = /^[\x21-\x7e]{1,256}$/
const TIMESTAMP = /^\d{1,12}$/
const VERSION = 'v1,'

/** The headers of a delivery, not verified yet. */
export interface SignedHeaders {
  readonly id: string
  readonly timestamp: string
  readonly signatures: readonly string[]
}

/**
 * The three headers of a signed delivery; null where one is missing, invalid or
 * outside the time window. Does not need the body.
 *
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function readSignedHeaders(
  header: (name: string) => string | undefined,
  now: number,
): SignedHeaders | null {
  const id = header('webhook-id') ?? ''
  const timestamp = header('webhook-timestamp') ?? ''
  const signatures = (header('webhook-signature') ?? '').split(' ').filter((one) => one.startsWith(VERSION))
  if (!ID.test(id) || !TIMESTAMP.test(timestamp)) return null
  if (signatures.length === 0 || signatures.length > MAX_SIGNATURES) return null
  if (Math.abs(now - Number(timestamp) * SECOND) > TOLERANCE_MS) return null
  return { id, timestamp, signatures }
}

/** Is `body` signed with `secret`? Compares the raw bytes, in constant time. */
export function isSigned(
  body: Buffer,
  { id, timestamp, signatures }: SignedHeaders,
  secret: Secret,
): boolean {
  const expected = createHmac('sha256', signingKey(secret))
    .update(`${id}.${timestamp}.`)
    .update(body)
    .digest()
  let found = false
  for (const signature of signatures) {
    const given = Buffer.from(signature.slice(VERSION.length), 'base64')
    if (given.length === expected.length && timingSafeEqual(given, expected)) found = true
  }
  return found
}

function signingKey(secret: Secret): Buffer {
  const value = secret.reveal()
  return value.startsWith(SECRET_PREFIX)
    ? Buffer.from(value.slice(SECRET_PREFIX.length), 'base64')
    : Buffer.from(value)
}
