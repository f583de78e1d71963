import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { paint, print, printError, printJson, printPiece, table } from './output.ts'

/** What a stranger may call himself: a cleared line, a clipboard, a title, a forged row, a turned direction. */
const NAME = 'Ada\u001B[2K\u001B]52;c;aGk=\u0007\u009B31m\u001B[31m\u001B]0;title\u0007\u202E\npending  11'

const COMMANDS = ['\u001B[2K', '\u001B]', '\u009B', '\u0007', '\u202E']

let written = ''
beforeEach(() => {
  written = ''
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      written += text
      return true
    })
})
afterEach(() => void vi.restoreAllMocks())

test.each([
  ['a row of a table', () => print(table([['pending', NAME, 'end']])), 1],
  ['a line', () => print(NAME), 2],
  ['a piece of an answer', () => printPiece(`${NAME}\n`), 2],
  ['a diagnostic', () => printError(NAME), 2],
  ['painted text', () => print(paint('yellow', NAME)), 2],
])('%s does not command the terminal', (_what, output, lines) => {
  output()
  expect(COMMANDS.filter((command) => written.includes(command))).toEqual([])
  expect(written.split('\n')).toHaveLength(lines + 1)
})

test('JSON keeps the value, and is itself harmless', () => {
  printJson({ name: NAME })
  expect(JSON.parse(written)).toEqual({ name: NAME })
  expect(COMMANDS.filter((command) => written.includes(command))).toEqual([])
})

test('a painted cell is aligned by what is seen of it', () => {
  const rows = table([
    [{ style: 'green', text: 'ok' }, 'b'],
    ['long', 'b'],
  ])
  expect(rows).toBe('ok    b\nlong  b')
})

test.each([
  'TELEGRAM_HOME_CHANNEL is "sk-ant-api03-TESTabcdefgh1234": expected a numeric chat id.',
  'TELEGRAM_ALLOWED_USERS holds "7000000001:TESTbottoken_abcdefghijklmnopqrstu": expected numeric user ids.',
])('a diagnostic that names a value names no secret: %s', (line) => {
  printError(line)
  expect(written).toMatch(/^hermes: TELEGRAM_\w+ (is|holds) "\[secret [0-9a-f]{8}\]": expected/)
})
