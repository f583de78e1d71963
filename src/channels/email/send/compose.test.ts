import { createTransport } from 'nodemailer'
import { expect, test } from 'vitest'
import { composeAnswer, toMailHtml, type Answer } from './compose.ts'
import { MAX_MAIL_CHARACTERS, splitAnswer } from './split.ts'

const ANSWER: Answer = {
  from: 'bot@bot.test',
  target: { to: 'anna@example.org', thread: '0123456789abcdef0123' },
  text: 'Yes.',
  key: 'item:0',
  replyTo: '<q@example.org>',
  answered: { subject: 'A question', references: '<root@example.org> <mid@bot.test>' },
}

/** The header and body as they go over the line. */
async function written(answer: Partial<Answer>): Promise<string> {
  const transport = createTransport({ streamTransport: true, buffer: true, newline: 'unix' })
  const { message } = await transport.sendMail(composeAnswer({ ...ANSWER, ...answer }))
  return String(message)
}

test('an answer names what it answers, keeps the subject, and says that a program wrote it', async () => {
  const mail = (await written({})).replace(/\n[ \t]+/g, ' ')
  expect(mail).toMatch(/^Subject: Re: A question$/m)
  expect(mail).toMatch(/^In-Reply-To: <q@example.org>$/m)
  expect(mail).toMatch(/^References: <root@example.org> <mid@bot.test> <q@example.org>$/m)
  expect(mail).toMatch(/^Auto-Submitted: auto-replied$/m)
  expect(mail).toMatch(/^To: anna@example.org$/m)
})

test.each([
  ['A question', 'Re: A question'],
  ['Re: A question', 'Re: A question'],
  ['RE[2]: A question', 'RE[2]: A question'],
  ['AW: Frage', 'AW: Frage'],
  ['', 'Re: your message'],
  ['  \r\n ', 'Re: your message'],
])('the subject %j is answered by %j', (subject, expected) => {
  expect(composeAnswer({ ...ANSWER, answered: { subject, references: '' } }).subject).toBe(expected)
})

test.each([
  ['the subject', { answered: { subject: 'x\r\nBcc: eve@evil.test\r\n\r\nbody', references: '' } }],
  ['the references', { answered: { subject: 'x', references: '<a@b>\r\nBcc: eve@evil.test' } }],
  ['the id of the mail answered', { replyTo: '<a@b>\r\nBcc: eve@evil.test' }],
  [
    'the text of a mail that answers nothing',
    { replyTo: null, answered: null, text: 'a\r\nBcc: eve@evil.test' },
  ],
])('nothing in %s becomes a field', async (_what, part) => {
  const [head] = (await written(part)).split('\n\n', 1)
  expect(head).not.toMatch(/^Bcc/im)
})

test('a long thread keeps its first and its last ids', () => {
  const references = Array.from({ length: 60 }, (_, index) => `<${index}@example.org>`).join(' ')
  const mail = composeAnswer({ ...ANSWER, answered: { subject: 'x', references } })
  expect(mail.references).toHaveLength(20)
  expect(mail.references).toEqual(
    expect.arrayContaining(['<0@example.org>', '<59@example.org>', '<q@example.org>']),
  )
})

test('Markdown becomes simple HTML, in which nothing is markup that a model wrote', () => {
  expect(toMailHtml('**bold** and `code`')).toContain('<strong>bold</strong> and <code>code</code>')
  const html = toMailHtml(
    '<script>alert(1)</script> <img src=x onerror=y>\n\n[a](javascript:alert(1)) [b](https://b.test/?q="><i>)\n\n![pixel](https://spy.test/p.png)\n\n<style>*{}</style>',
  )!
  expect(html).not.toMatch(/<(?:script|img|style|i)\b|javascript:/i)
  expect(html).toContain('<a href="https://spy.test/p.png">pixel</a>')
})

test('lines that look like definitions are shown, and an address is not escaped twice', () => {
  expect(toMailHtml('[alice]: hello\n[bob]: bye')).toContain('<p>[alice]: hello\n[bob]: bye</p>')
  expect(toMailHtml('[a](https://b.test/?c=1&amp;d=2)')).toContain('href="https://b.test/?c=1&amp;d=2"')
})

test('what is nested without end is sent as text alone', () => {
  expect(toMailHtml('> '.repeat(10_000))).toBeNull()
})

test('one answer is one mail, unless no mail program would bear it', () => {
  expect(splitAnswer('x'.repeat(MAX_MAIL_CHARACTERS))).toHaveLength(1)
  const parts = splitAnswer(`${'😀'.repeat(60_000)}\n\n${'word '.repeat(30_000)}`)
  expect(parts.every((part) => part.length <= MAX_MAIL_CHARACTERS && part.isWellFormed())).toBe(true)
  for (const nothing of ['', ' \n', '\u200b', '\u2800']) expect(splitAnswer(nothing)).toEqual(['…'])
})
