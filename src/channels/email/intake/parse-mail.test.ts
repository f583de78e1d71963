import { expect, test } from 'vitest'
import { parseHeaders } from './headers.ts'
import { parseMail, type ParsedMail } from './parse-mail.ts'

test('other work continues while a large mail is read', async () => {
  const head = 'From: anna@example.org\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n'
  const file = Buffer.alloc(8 * 1024 * 1024, '%PDF-1.7 ')
    .toString('base64')
    .replace(/.{76}/g, '$&\r\n')
  const part = 'Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n'
  const source = Buffer.from(`${head}--x\r\n\r\nlarge\r\n--x\r\n${part}\r\n${file}\r\n--x--\r\n`)
  let turns = 0
  let reading = true
  const count = () => {
    turns++
    if (reading) setImmediate(count)
  }
  setImmediate(count)
  const parsed = await parseMail(source, parseHeaders(Buffer.from(head))!)
  reading = false
  expect(parsed).toMatchObject({ text: 'large', unsupported: null })
  // Read at once, there would be a handful.
  expect(turns).toBeGreaterThan(50)
})

const FROM = 'From: Anna <anna@example.org>'

/** A mail as it arrives, read. */
function read(head: readonly string[], body: string | Buffer): Promise<ParsedMail> {
  const header = Buffer.from(`${[FROM, ...head].join('\r\n')}\r\n\r\n`, 'latin1')
  return parseMail(Buffer.concat([header, Buffer.from(body)]), parseHeaders(header)!, 'bot@bot.test')
}

const HTML = 'Content-Type: text/html; charset=utf-8'
const REPLY = 'In-Reply-To: <a@bot.test>'
const THREAD = '<p>what was written before</p>'.repeat(60_000)

test('of a page that is too long to be read, an answer gives what is new at its beginning', async () => {
  const outlook =
    '<p>My question</p><hr><p>From: Bot &lt;bot@bot.test&gt;<br>Sent: Monday, November 23, 2026 9:12 AM<br>To: Anna<br>Subject: Hello</p>'
  expect(await read([HTML, REPLY], outlook + THREAD)).toMatchObject({
    text: 'My question',
    unsupported: null,
  })
  const gmail = `<p>My question</p><p>On 11/23/26 09:12, Bot wrote:</p><blockquote>${THREAD}`
  expect(await read([HTML, REPLY], gmail)).toMatchObject({ text: 'My question', unsupported: null })
})

test.each([
  ['that answers nothing', ['Subject: a page'], `<p>What is this?</p>${THREAD}`],
  ['whose new words may continue behind it', [REPLY], `<p>What is this?</p>${THREAD}`],
  ['that is nested too deeply', ['Subject: a page'], `${'<div>'.repeat(20_000)}Hello`],
])('a page %s is refused with a sentence, and not taken for an empty one', async (_what, head, page) => {
  expect(await read([HTML, ...head], page)).toMatchObject({
    text: '',
    unsupported: expect.stringContaining("couldn't read your mail"),
  })
})

const attached = (type: string, name: string, body = 'AAECAwQ=') =>
  `--x\r\nContent-Type: text/plain\r\n\r\nHello\r\n--x\r\nContent-Type: ${type}\r\nContent-Disposition: attachment; filename="${name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n${body}\r\n--x--\r\n`
const MIXED = 'Content-Type: multipart/mixed; boundary=x'

test.each([
  ['application/ms-tnef', 'winmail.dat'],
  ['application/vnd.ms-tnef', 'x'],
  ['application/octet-stream', 'winmail.dat'],
  ['application/applefile', 'photo.jpg'],
  ['application/octet-stream', '._photo.jpg'],
  ['application/octet-stream', 'ATT0001.dat'],
  ['application/octet-stream', 'ATT00001.c'],
  ['application/octet-stream', 'ATT00002'],
  ['application/octet-stream', 'signature.asc'],
  ['application/octet-stream', 'OpenPGP_0xDF01C14F2B2A.asc'],
  ['application/pgp-keys', 'OpenPGP_0x1.asc'],
  ['application/octet-stream', 'oledata.mso'],
  ['application/octet-stream', 'WINMAIL.DAT'],
])('what mail programs add is no file that anybody sent: %s, %s', async (type, name) => {
  expect(await read([MIXED], attached(type, name))).toMatchObject({
    text: 'Hello',
    files: [],
    unsupported: null,
  })
})

test('a picture that a program has named is one all the same', async () => {
  const png = Buffer.from('\x89PNG\r\n\x1a\n and so on', 'latin1').toString('base64')
  const { files } = await read([MIXED], attached('application/octet-stream', 'ATT00001.bin', png))
  expect(await files[0]!()).toMatchObject({ mediaType: 'image/png' })
})

test.each([
  ['application/pkcs7-mime; smime-type=signed-data; name=smime.p7m', "signed in a form that I can't read"],
  ['application/x-pkcs7-mime; name="smime.p7m";\r\n smime-type="signed-data"', 'signed in a form'],
  ['application/pkcs7-mime; smime-type=compressed-data', 'signed in a form'],
  ['application/pkcs7-mime; smime-type=enveloped-data', "can't read encrypted mail"],
  ['application/pkcs7-mime; name=smime.p7m', "can't read encrypted mail"],
  ['multipart/encrypted; boundary=x', "can't read encrypted mail"],
])('a mail of type %s is refused in the right words', async (type, words) => {
  expect(await read([`Content-Type: ${type}`], 'MIIB')).toMatchObject({
    unsupported: expect.stringContaining(words),
  })
})

test('a part that is sealed is refused in the same words', async () => {
  const { files } = await read([MIXED], attached('application/pkcs7-mime; smime-type=signed-data', 'x.p7m'))
  await expect(files[0]!()).rejects.toThrow('signed in a form')
})

const JAPANESE = '\u001b$BF|K\\8l\u001b(B'

test.each([
  ['without a type', [], `${JAPANESE} ok`, '日本語 ok'],
  ['as ASCII', ['Content-Type: text/plain; charset=us-ascii'], JAPANESE, '日本語'],
  ['as a page', ['Content-Type: text/html'], `<p>${JAPANESE}</p>`, '日本語'],
  ['in Korean', ['Content-Type: text/plain; charset=iso-2022-kr'], '\u001b$)C\u000eGQ1[\u000f ok', '한글 ok'],
  ['in Chinese', [], '\u001b$)A\u000eVPND\u000f ok', '中文 ok'],
])('a mail in a 7-bit set is read %s', async (_how, head, body, text) => {
  expect((await read(head, body)).text).toBe(text)
})

test.each([
  ['without a type', []],
  ['without a set', ['Content-Type: text/plain']],
  ['with the wrong set', ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: 8bit']],
])('a mail in an 8-bit set is read by its bytes: %s', async (_how, head) => {
  expect((await read(head, Buffer.from('Gr\xfc\xdfe aus M\xfcnchen \x80', 'latin1'))).text).toBe(
    'Grüße aus München €',
  )
  expect((await read(head, Buffer.from('Grüße'))).text).toBe('Grüße')
})

test('a picture and a PDF that the model would refuse are refused by name', async () => {
  const picture = Buffer.alloc(4.5 * 1024 * 1024)
  picture.write('\x89PNG\r\n\x1a\n', 'latin1')
  const large = await read([MIXED], attached('image/png', 'cat.png', picture.toString('base64')))
  await expect(large.files[0]!()).rejects.toThrow('cat.png is larger than 3.75 MB')
  const locked = Buffer.from('%PDF-1.7 trailer << /Encrypt 4 0 R >>').toString('base64')
  const pdf = await read([MIXED], attached('application/pdf', 'plan.pdf', locked))
  await expect(pdf.files[0]!()).rejects.toThrow('plan.pdf is locked with a password')
})
