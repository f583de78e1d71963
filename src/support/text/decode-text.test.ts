import { expect, test } from 'vitest'
import { decodeEscapes, decodeText } from './decode-text.ts'

const latin1 = (text: string) => Buffer.from(text, 'latin1')
const hex = (bytes: string) => Buffer.from(bytes, 'hex')
const bigEndian = (text: string) => Buffer.from(text, 'utf16le').swap16()

test.each([
  ['UTF-8', Buffer.from('Müller – 日本'), 'Müller – 日本'],
  ['UTF-8 with its mark', Buffer.from('\ufeffMüller'), 'Müller'],
  ['Windows-1252', latin1('M\xfcller \x80 5 \x96 \x84Hallo\x93'), 'Müller € 5 – „Hallo“'],
  ['one word', latin1('M\xfcller'), 'Müller'],
  ['French in capitals', latin1('\xc9T\xc9, \xc0 LA CR\xc8ME; No\xebl, \xe7a'), 'ÉTÉ, À LA CRÈME; Noël, ça'],
  ['Latin-1', latin1('Ol\xe9, ma\xf1ana'), 'Olé, mañana'],
  ['UTF-16 with its mark', Buffer.from('\ufeffMüller', 'utf16le'), 'Müller'],
  ['UTF-16, big end first, with its mark', bigEndian('\ufeffMüller'), 'Müller'],
  ['UTF-16 without a mark', Buffer.from('Name;Ort\nMüller;Köln', 'utf16le'), 'Name;Ort\nMüller;Köln'],
  ['UTF-16, big end first, without a mark', bigEndian('Name;Ort\nMüller'), 'Name;Ort\nMüller'],
  ['ISO-2022-JP', latin1('\u001b$BF|K\\8l\u001b(B\nok'), '日本語\nok'],
  ['UTF-8 that was cut within a character', Buffer.from('日本語').subarray(0, 8), '日本\ufffd'],
  [
    'Shift_JIS',
    hex('96bc914f2c944e97ee0a8e52936382b382f182cc8366815b835e82c582b78142'),
    '名前,年齢\n山田さんのデータです。',
  ],
  [
    'EUC-JP',
    hex('ccbec1b02cc7afcef00abbb3c5c4a4b5a4f3a4cea5c7a1bca5bfa4c7a4b9a1a3'),
    '名前,年齢\n山田さんのデータです。',
  ],
  [
    'GBK',
    hex('d0d5c3fba3acc4eac1e40ad5e2cac7d2bbb8f6bcf2b5a5b5c4d6d0cec4cec4bcfea1a3'),
    '姓名，年龄\n这是一个简单的中文文件。',
  ],
  [
    'Big5',
    hex('a96da657a141a67ec4d60ab36fac4fa440add3c2b2b3e6aabaa4a4a4e5c0c9aed7a143'),
    '姓名，年齡\n這是一個簡單的中文檔案。',
  ],
  [
    'EUC-KR',
    hex('c0ccb8a72c20b3aac0cc0ac0ccb0cdc0ba20b0a3b4dcc7d120c6c4c0cfc0d4b4cfb4d92e'),
    '이름, 나이\n이것은 간단한 파일입니다.',
  ],
  [
    'Windows-1251',
    hex('c8ecff3b20c3eef0eee40acff0e8e2e5f22c20fdf2ee20eff0eef1f2eee920f4e0e9eb2e'),
    'Имя; Город\nПривет, это простой файл.',
  ],
  ['KOI8-R', hex('f0d2c9d7c5d42c20dcd4cf20d0d2cfd3d4cfca20c6c1cacc2e'), 'Привет, это простой файл.'],
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
