import { expect, test } from 'vitest'
import { Secret } from '../../../support/secret.ts'
import { smtpTransport } from '../send/smtp-client.ts'
import { imapClient } from './imap-client.ts'

const account = (host: string, port: number, secure: boolean) => ({
  server: { host, port, secure },
  username: 'bot',
  password: new Secret('TEST-password'),
})

test('to another machine nothing goes without encryption and a certificate that is checked', async () => {
  const imap = await imapClient(account('mail.example.org', 143, false))
  expect(imap.options).toMatchObject({ secure: false, doSTARTTLS: true, tls: { rejectUnauthorized: true } })
  const implicit = await imapClient(account('mail.example.org', 993, true))
  expect(implicit.options).toMatchObject({ secure: true, tls: { rejectUnauthorized: true } })
  const smtp = await smtpTransport(account('mail.example.org', 587, false))
  expect(smtp.options).toMatchObject({ secure: false, requireTLS: true, tls: { rejectUnauthorized: true } })
})

test('on this machine a server may lack both', async () => {
  const imap = await imapClient(account('127.0.0.1', 1143, false))
  expect(imap.options).toMatchObject({ secure: false, tls: { rejectUnauthorized: false } })
  expect(imap.options.doSTARTTLS).toBeUndefined()
  const smtp = await smtpTransport(account('localhost', 1025, false))
  expect(smtp.options).toMatchObject({ requireTLS: false, tls: { rejectUnauthorized: false } })
})
