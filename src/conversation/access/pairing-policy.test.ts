import { expect, test } from 'vitest'
import { HOUR } from '../../support/clock.ts'
import { decidePairing, pairingCode, type PairingQuestion } from './pairing-policy.ts'
import type { PendingPairing } from './pairing.ts'

const NOW = 10 * HOUR

const pending = (personId: string, answeredAt = NOW): PendingPairing => ({
  channel: 'telegram',
  personId,
  personName: null,
  code: 'ABCDEFGH',
  createdAt: answeredAt,
  expiresAt: answeredAt + HOUR,
  answeredAt,
})

const ask = (more: Partial<PairingQuestion> = {}) =>
  decidePairing({
    channel: 'telegram',
    person: { id: '1', name: 'One' },
    now: NOW,
    before: null,
    newCode: 'NEWCODE2',
    ...more,
  })

test('who asks for the first time gets a code for an hour', () => {
  expect(ask()).toMatchObject({ personId: '1', code: 'NEWCODE2', expiresAt: NOW + HOUR, answeredAt: NOW })
})

test('a name is kept as one line that commands no terminal', () => {
  const name = 'Ada\u001B[2K\u202E\npending  11  your boss'
  expect(ask({ person: { id: '1', name } })?.personName).toBe('Ada[2K pending  11  your boss')
})

test('who was answered within the hour hears nothing', () => {
  expect(ask({ before: pending('1', NOW - HOUR + 1) })).toBeNull()
  expect(ask({ before: pending('1', NOW - HOUR) })?.code).toBe('NEWCODE2')
})

test('a clock that was set back does not silence the answer', () => {
  expect(ask({ before: pending('1', NOW + HOUR) })).not.toBeNull()
})

test('codes have eight signs and none that looks like another', () => {
  const every = pairingCode(Uint8Array.from({ length: 8 }, (_, index) => index * 31))
  expect(every).toMatch(/^[A-HJ-NP-Z2-9]{8}$/)
  const signs = new Set(
    Array.from({ length: 256 }, (_, byte) => pairingCode(new Uint8Array(8).fill(byte))[0]),
  )
  expect(signs.size).toBe(32)
  for (const sign of '0O1I') expect(signs.has(sign)).toBe(false)
})
