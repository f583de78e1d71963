import { expect, test } from 'vitest'
import { decodeEscapes, decodeText } from './decode-text.ts'

const latin1 = (text: string) => Buffer.from(text, 'latin1')
const bigEndian = (text: string) => Buffer.from(text, 'utf16le').swap16()

test.each([
  ['UTF-8', Buffer.from('Müller – 日本'), 'Müller – 日本'],
  ['UTF-8 with its mark', Buffer.from('\ufeffMüller'), 'Müller'],
  ['Windows-1252', latin1('M\xfcller \x80 5 \x96 \x84Hallo\x93'), 'Müller € 5 – „Hallo“'],
  ['Latin-1', latin1('Ol\xe9, ma\xf1ana'), 'Olé, mañana'],
  ['UTF-16 with its mark', Buffer.from('\ufeffMüller', 'utf16le'), 'Müller'],
  ['UTF-16, big end first, with its mark', bigEndian('\ufeffMüller'), 'Müller'],
  ['UTF-16 without a mark', Buffer.from('Name;Ort\nMüller;Köln', 'utf16le'), 'Name;Ort\nMüller;Köln'],
  ['UTF-16, big end first, without a mark', bigEndian('Name;Ort\nMüller'), 'Name;Ort\nMüller'],
  ['ISO-2022-JP', latin1('\u001b$BF|K\\8l\u001b(B\nok'), '日本語\nok'],
  ['UTF-8 that was cut within a character', Buffer.from('日本語').subarray(0, 8), '日本\ufffd'],
  ['nothing', Buffer.alloc(0), ''],
])('%s is read as it was meant', (_set, bytes, text) => {
  expect(decodeText(bytes)).toBe(text)
})

test.each(['\u001b[31mred\u001b(B\u001b[m', 'a $B b', '\u001b', 'ü \u001b$B ü'])(
  'escapes that belong to no set stay: %j',
  (text) => {
    expect(decodeEscapes(text)).toBe(text)
  },
)
