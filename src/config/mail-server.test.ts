import { expect, test } from 'vitest'
import { mailServer, mayBePlain, parseMailHost } from './mail-server.ts'

const UNNAMED = { host: null, port: null, secure: null }

test.each([
  ['imap', 'mail.example.org', UNNAMED, { host: 'mail.example.org', port: 993, secure: true }],
  ['smtp', 'mail.example.org', UNNAMED, { host: 'mail.example.org', port: 465, secure: true }],
  ['smtp', 'mail.example.org:587', UNNAMED, { host: 'mail.example.org', port: 587, secure: false }],
  [
    'imap',
    'mail.example.org',
    { ...UNNAMED, secure: false },
    { host: 'mail.example.org', port: 143, secure: false },
  ],
  ['imap', '[::1]:1143', { ...UNNAMED, secure: false }, { host: '::1', port: 1143, secure: false }],
  ['imap', 'mail.example.org:1143', UNNAMED, { host: 'mail.example.org', port: 1143, secure: true }],
  [
    'imap',
    null,
    { host: 'other.example.org', port: 143, secure: null },
    { host: 'other.example.org', port: 143, secure: false },
  ],
  [
    'imap',
    'mail.example.org',
    { host: 'other.example.org', port: 7, secure: null },
    { host: 'mail.example.org', port: 7, secure: true },
  ],
  ['imap', null, UNNAMED, null],
] as const)('%s at %s with %j is %j', (protocol, environment, file, expected) => {
  expect(mailServer(protocol, environment, file)).toEqual(expected)
})

test.each(['', 'a b', 'user@host', 'https://host', 'host:0', 'host:99999', '-host', 'host:'])(
  '%j is no host',
  (text) => {
    expect(parseMailHost(text)).toBeNull()
  },
)

test('only this machine may lack encryption', () => {
  const at = (host: string) => mayBePlain({ host, port: 143, secure: false })
  expect([at('127.0.0.1'), at('::1'), at('localhost')]).toEqual([true, true, true])
  expect([at('mail.example.org'), at('10.0.0.1'), at('localhost.example.org')]).toEqual([false, false, false])
})
