import { deflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { cpuMsOf } from '../../../../test/support/cpu-time.ts'
import { imageSize } from './image-size.ts'
import { pdfFacts } from './pdf.ts'
import { readableType, readFile } from './readable-file.ts'

const latin1 = (text: string) => Buffer.from(text, 'latin1')
const PNG = latin1('\x89PNG\r\n\x1a\n and so on')

test.each([
  ['image/png', 'x', 'image/png'],
  ['IMAGE/PNG; name=x', 'x', 'image/png'],
  ['image/jpg', 'x', 'image/jpeg'],
  ['image/pjpeg', 'x', 'image/jpeg'],
  ['application/octet-stream', 'IMG.JPG', 'image/jpeg'],
  ['', 'a.webp', 'image/jpeg'],
  ['application/octet-stream', 'plan.pdf', 'application/pdf'],
  ['application/x-pdf', 'scan', 'application/pdf'],
  ['image/apng', 'a.png', 'image/jpeg'],
  ['application/octet-stream', 'notes.md', 'text/plain'],
  ['application/octet-stream', 'IMG_1234', 'application/octet-stream'],
  ['', '', 'application/octet-stream'],
  ['binary/octet-stream', 'photo.tmp', 'application/octet-stream'],
  ['application/octet-stream', 'a.zip', null],
  ['', 'film.MOV', null],
  ['application/zip', 'a.jpg', null],
  ['image/heic', 'a.jpg', null],
])('a file of type %j and name %j may be %j', (mime, name, type) => {
  expect(readableType(mime, name)).toBe(type)
})

const file = (mediaType: string, bytes: Uint8Array) => readFile({ mediaType, name: 'x', bytes })

test.each([
  ['application/octet-stream', PNG, 'image/png'],
  ['text/plain', PNG, 'image/png'],
  ['application/pdf', PNG, 'image/png'],
  ['application/octet-stream', Buffer.from('all: build\n'), 'text/plain'],
  ['application/octet-stream', Buffer.from('\ufeffname', 'utf16le'), 'text/plain'],
  ['text/plain', latin1('M\xfcller'), 'text/plain'],
])('a file that may be %s is what its bytes say', (declared, bytes, type) => {
  expect(file(declared, bytes)).toEqual({ mediaType: type, name: 'x', bytes })
})

test.each([
  ['application/octet-stream', latin1('MZ\0\0')],
  ['text/plain', latin1('PK\x03\x04\0\0\0')],
  ['image/jpeg', Buffer.from('a text')],
  ['application/octet-stream', Buffer.alloc(0)],
])('of another kind is what is neither: %s', (declared, bytes) => {
  expect(() => file(declared, bytes)).toThrow('of another kind')
})

test.each([latin1(' \r\n'), Buffer.from('\ufeff'), Buffer.from('\ufeff \n', 'utf16le'), latin1('\x0c')])(
  'a text of which nothing is left is refused as empty: %s',
  (bytes) => {
    expect(() => file('text/plain', bytes)).toThrow('This file is empty.')
    expect(() => readFile({ mediaType: 'text/plain', name: 'x', bytes }, 'notes.txt')).toThrow(
      'notes.txt is empty.',
    )
  },
)

function bytesOf(length: number, ...parts: ReadonlyArray<readonly [at: number, hex: string]>): Buffer {
  const bytes = Buffer.alloc(length)
  for (const [at, hex] of parts) bytes.write(hex, at, 'hex')
  return bytes
}

const SIZED = [
  ['image/png', bytesOf(32, [0, '89504e470d0a1a0a'], [12, '4948445200001f41'], [20, '00000010']), 8_001, 16],
  ['image/gif', Buffer.concat([latin1('GIF89a'), bytesOf(8, [0, '411f1000'])]), 8_001, 16],
  ['image/jpeg', bytesOf(64, [0, 'ffd8ffe00010'], [20, 'ffff'], [22, 'c000110800101f41']), 8_001, 16],
  ['image/webp', bytesOf(40, [0, '52494646'], [8, '5745425056503858'], [24, '401f000f0000']), 8_001, 16],
  ['image/webp', bytesOf(40, [0, '52494646'], [8, '574542505650384c'], [20, '2f40df0300']), 8_001, 16],
  ['image/webp', bytesOf(40, [0, '52494646'], [8, '5745425056503820'], [26, '411f1000']), 8_001, 16],
] as const

test.each(SIZED)(
  'the size of a picture is seen, and one that is too wide refused: %s',
  (type, bytes, width, height) => {
    expect(imageSize(type, bytes)).toEqual({ width, height })
    expect(() => file(type, bytes)).toThrow('more than 8,000 pixels')
  },
)

test.each([
  ['image/png', PNG],
  ['image/jpeg', latin1('\xff\xd8\xff\xe0')],
  ['image/jpeg', latin1('\xff\xd8\xff\xda and more')],
  ['image/webp', latin1('RIFF    WEBPXXXX')],
])('a picture whose size cannot be seen is left to the model: %s', (type, bytes) => {
  expect(imageSize(type, bytes)).toBeNull()
})

test('a picture above 3.75 MB is refused, one of just that is not', () => {
  const most = 3.75 * 1024 * 1024
  const picture = (length: number) => Buffer.concat([PNG, Buffer.alloc(length - PNG.length)])
  expect(file('image/png', picture(most)).bytes.length).toBe(most)
  expect(() => file('image/png', picture(most + 1))).toThrow('This picture is larger than 3.75 MB')
  expect(() => file('application/octet-stream', picture(4.5 * 1024 * 1024))).toThrow('3.75 MB')
})

const tree = (pages: number) =>
  `1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj 2 0 obj << /Type /Pages /Kids [3 0 R] /Count ${pages} >> endobj`
const compressed = (pages: number) =>
  Buffer.concat([
    latin1('%PDF-1.7\n5 0 obj << /Type /ObjStm /N 2 /Filter /FlateDecode >> stream\r\n'),
    deflateSync(`<</Type/Pages/Count ${pages}/Kids[3 0 R]>>`),
    latin1('\nendstream endobj'),
  ])

test.each([
  ['plain', latin1(`%PDF-1.4 ${tree(101)}`), { locked: false, pages: 101 }],
  [
    'with outlines',
    latin1(`%PDF-1.4 9 0 obj << /Count 500 >> endobj ${tree(3)}`),
    { locked: false, pages: 3 },
  ],
  ['compressed', compressed(640), { locked: false, pages: 640 }],
  ['locked', latin1('%PDF-1.7 trailer << /Encrypt 7 0 R >>'), { locked: true, pages: null }],
  ['that speaks of locks', latin1('%PDF-1.7 (/EncryptMetadata)'), { locked: false, pages: null }],
])('what can be said of a PDF is said: %s', (_what, bytes, facts) => {
  expect(pdfFacts(bytes)).toEqual(facts)
})

test('a PDF that the model would refuse is refused with its reason', () => {
  expect(() => file('application/pdf', latin1(`%PDF-1.4 ${tree(101)}`))).toThrow('more than 100 pages')
  expect(() => file('application/pdf', latin1('%PDF-1.7 <</Encrypt 7 0 R>>'))).toThrow('locked')
  expect(file('application/pdf', latin1(`%PDF-1.4 ${tree(100)}`)).mediaType).toBe('application/pdf')
})

test.each([
  ['page trees', '/Type /Pages '],
  ['bare names', '/Pages'],
  ['streams', '/ObjStm stream\n'],
  ['locks', '/Encrypt'],
])('a large PDF of nothing but %s does not hold others up', (_what, part) => {
  const bytes = latin1(`%PDF-1.7 ${part.repeat((4 * 1024 * 1024) / part.length)}`)
  expect(cpuMsOf(() => pdfFacts(bytes))).toBeLessThan(500)
})
