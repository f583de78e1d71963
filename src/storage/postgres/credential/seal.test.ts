import { expect, it } from 'vitest'
import { keysIn, newSecretKey } from '../../../../test/support/stores/shared-place.ts'
import { StoreError } from '../../../support/errors.ts'
import { seal, unseal } from './seal.ts'

const [key] = keysIn(newSecretKey())
const [other] = keysIn(newSecretKey())
const place = { row: 'own', version: 7 }
const text = 'sk-ant-ort01-TEST-of-the-seal'

it('gives back what was sealed, and never the same bytes twice', () => {
  const [one, two] = [seal(text, key!, place), seal(text, key!, place)]
  expect(one.bytes.equals(two.bytes)).toBe(false)
  expect(one.bytes.toString('latin1')).not.toContain('TEST')
  expect(unseal(one, [other!, key!], place)).toBe(text)
})

it.each([
  ['with another key alone', (sealed: ReturnType<typeof seal>) => unseal(sealed, [other!], place)],
  ['in another version', (sealed) => unseal(sealed, [key!], { ...place, version: 6 })],
  ['in another row', (sealed) => unseal(sealed, [key!], { ...place, row: 'other' })],
  [
    'with another key that claims its name',
    (sealed) => unseal({ ...sealed, keyId: other!.id }, [other!], place),
  ],
  ['cut off', ({ bytes, keyId }) => unseal({ keyId, bytes: bytes.subarray(0, 20) }, [key!], place)],
] satisfies Array<[string, (sealed: ReturnType<typeof seal>) => string]>)(
  'does not open %s, and says nothing of it',
  (_how, open) => {
    expect(() => open(seal(text, key!, place))).toThrow(StoreError)
    expect(() => open(seal(text, key!, place))).not.toThrow('TEST')
  },
)

it('does not open when any one bit was changed', () => {
  const { bytes, keyId } = seal('short', key!, place)
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes)
    changed[bit >> 3]! ^= 1 << (bit & 7)
    expect(() => unseal({ keyId, bytes: changed }, [key!], place)).toThrow(StoreError)
  }
})
