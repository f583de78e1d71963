import { expect, test } from 'vitest'
import { cpuMsOf } from '../../../../test/support/cpu-time.ts'
import { parseHeaders } from '../intake/headers.ts'
import { answerId } from '../send/thread.ts'
import { automaticMail } from './automatic-mail.ts'

const BOT = 'bot@bot.test'

const judge = (from: string, ...lines: readonly string[]) =>
  automaticMail(parseHeaders(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`))!, from, BOT)

test.each([
  ['Auto-Submitted: auto-replied'],
  ['Auto-Submitted: auto-generated; type=time'],
  ['Auto-Submitted: (why not) auto-notified'],
  ['Precedence: bulk'],
  ['Precedence: List'],
  ['Precedence: junk'],
  ['List-Id: <news.example.org>'],
  ['List-Unsubscribe: <mailto:off@example.org>'],
  ['X-Auto-Response-Suppress: All'],
  ['X-Autoreply: yes'],
  ['Return-Path: <>'],
  ['Return-Path: < >'],
  ['Content-Type: multipart/report; report-type=delivery-status; boundary=x'],
  ['Content-Type: message/disposition-notification'],
  [`Message-ID: ${answerId('k', { to: 'anna@example.org', thread: null }, BOT)}`],
])('a mail with %s is not answered', (line) => {
  expect(judge('anna@example.org', line)).toMatch(/\w/)
})

test.each([
  'MAILER-DAEMON@example.org',
  'postmaster@example.org',
  'noreply@example.org',
  'no-reply@example.org',
  'do_not_reply@example.org',
  'shop.noreply@example.org',
  'no-reply+abc@example.org',
  'bounce+123@example.org',
  'bounces@example.org',
  BOT,
])('a mail from %s is not answered', (from) => {
  expect(judge(from.toLowerCase())).toMatch(/\w/)
})

test.each([
  ['anna@example.org', 'Auto-Submitted: no'],
  ['anna@example.org', 'Auto-Submitted: No (a person)'],
  ['anna@example.org', 'Return-Path: <anna@example.org>'],
  ['anna@example.org', 'Precedence: normal'],
  ['anna@example.org', 'X-Auto-Response-Suppress: None'],
  ['anna@example.org', 'X-Auto-Response-Suppress: DR, OOF, AutoReply'],
  ['anna@example.org', 'X-Auto-Response-Suppress: OOF'],
  ['anna@example.org', 'Content-Type: multipart/mixed; boundary=report'],
  ['noreen.replyton@example.org', 'Subject: hi'],
])('a mail from %s with %s is', (from, line) => {
  expect(judge(from, line)).toBeNull()
})

test.each(['ann.noreply@example.org', 'noreply.fan@example.org', 'no-reply+abc@example.org'])(
  'a mail from %s is a person’s where the operator has listed that address',
  (from) => {
    const headers = parseHeaders(Buffer.from('Subject: hi\r\n\r\n'))!
    expect(automaticMail(headers, from, BOT, true)).toBeNull()
    expect(automaticMail(headers, from, BOT, false)).toMatch(/\w/)
    const answered = parseHeaders(Buffer.from('Auto-Submitted: auto-replied\r\n\r\n'))!
    expect(automaticMail(answered, from, BOT, true)).toMatch(/\w/)
  },
)

const LONG = 100_000

test.each([
  ['Auto-Submitted', '('.repeat(LONG)],
  ['Auto-Submitted', `no ${'(a'.repeat(LONG)}`],
  ['Return-Path', `<${' '.repeat(LONG)}x`],
  ['X-Auto-Response-Suppress', ' '.repeat(LONG)],
  ['Precedence', `${' '.repeat(LONG)}x`],
  ['Content-Type', 'multipart/'.repeat(LONG / 10)],
])('a header of 100 KB costs no more than a short one: %s', (name, value) => {
  const headers = parseHeaders(Buffer.from(`${name}: ${value}\r\n\r\n`))!
  expect(cpuMsOf(() => automaticMail(headers, 'anna@example.org', BOT))).toBeLessThan(50)
})
