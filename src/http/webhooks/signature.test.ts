import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import { MINUTE, SECOND } from '../../support/clock.ts'
import { Secret } from '../../support/secret.ts'
import { isSigned, readSignedHeaders } from './signature.ts'

const NOW = Date.UTC(2026, 10, 22, 12)
const ENCODED = `whsec_${Buffer.from('TEST secret of 24 bytes!').toString('base64')}`
const BODY = '{"a": "ä 🦊"}'

function signedBy(headers: Record<string, string>, body = BODY, secret = ENCODED, now = NOW): boolean {
  const read = readSignedHeaders((name) => headers[name], now)
  return read !== null && isSigned(Buffer.from(body), read, new Secret(secret))
}

function signed(webhook = new Webhook(ENCODED), id = 'msg_1', at = NOW): Record<string, string> {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(at / SECOND),
    'webhook-signature': webhook.sign(id, new Date(at), BODY),
  }
}

test('what an independent library signs is taken, with an encoded secret and with a raw one', () => {
  expect(signedBy(signed())).toBe(true)
  const raw = new Webhook('TEST raw secret', { format: 'raw' })
  expect(signedBy(signed(raw), BODY, 'TEST raw secret')).toBe(true)
  expect(signedBy(signed(), BODY, 'TEST raw secret')).toBe(false)
})

test('one good signature among several is enough', () => {
  const headers = signed()
  const good = headers['webhook-signature']!
  expect(signedBy({ ...headers, 'webhook-signature': `v1a,AAAA v1,AAAA ${good}` })).toBe(true)
  expect(signedBy({ ...headers, 'webhook-signature': `v1a,${good.slice(3)}` })).toBe(false)
  const many = Array.from({ length: 50 }, () => good).join(' ')
  expect(signedBy({ ...headers, 'webhook-signature': many })).toBe(false)
})

test('a change of any part makes it wrong', () => {
  const headers = signed()
  expect(signedBy(headers, `${BODY} `)).toBe(false)
  expect(signedBy({ ...headers, 'webhook-id': 'msg_2' })).toBe(false)
  expect(signedBy({ ...headers, 'webhook-timestamp': String(NOW / SECOND + 1) })).toBe(false)
  for (const name of Object.keys(headers)) {
    expect(signedBy({ ...headers, [name]: '' })).toBe(false)
    const { [name]: _left, ...rest } = headers
    expect(signedBy(rest)).toBe(false)
  }
})

test('five minutes of difference between two clocks are taken, and no more', () => {
  for (const direction of [-1, 1]) {
    expect(signedBy(signed(undefined, 'msg_1', NOW + direction * 5 * MINUTE))).toBe(true)
    expect(signedBy(signed(undefined, 'msg_1', NOW + direction * (5 * MINUTE + SECOND)))).toBe(false)
  }
  expect(signedBy({ ...signed(), 'webhook-timestamp': 'NaN' })).toBe(false)
})
