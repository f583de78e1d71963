import { randomBytes } from 'node:crypto'

/** A new id that sorts by the time it was made: 48 bits of milliseconds, 80 random bits (the layout of UUIDv7), base32. */
export function newId(now: number): string {
  const bytes = Buffer.allocUnsafe(16)
  bytes.writeUIntBE(now, 0, 6)
  randomBytes(10).copy(bytes, 6)
  let text = ''
  let carry = 0
  let bits = 0
  for (const byte of bytes) {
    carry = ((carry << 8) | byte) & 0xffff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += ALPHABET[(carry >> bits) & 31]
    }
  }
  return text + ALPHABET[(carry << (5 - bits)) & 31]
}

/** Crockford's base32 in lower case: sorts like the number, has no look-alikes. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
