import { expect, test } from 'vitest'
import { parseHeaders } from './headers.ts'
import { parseMail } from './parse-mail.ts'

test('other work goes on while a large mail is read', async () => {
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
