import { expect, test } from 'vitest'
import { createLog } from '../log.ts'
import { redact, redactLine } from './redact.ts'

const TOKEN = 'sk-ant-api03-TESTabcdefghijklmnop'
const PAIR = `TESTcode#${'a1'.repeat(22)}`

test.each([
  [`key ${TOKEN} end`, TOKEN],
  [`paste ${PAIR} end`, PAIR],
  [`x${'é'}${PAIR}`, PAIR],
  ['https://api.telegram.org/bot1234567:TESTabcdefghijklmnopqrstuvwxyz012345/getMe', 'TESTabcdefg'],
  ['postgres://user:TESTpass:word@host/db', 'TESTpass:word'],
  ['https://host/callback?code=TESTcode&state=TESTstate', 'TESTcode'],
])('%j is shown without its secret', (text, secret) => {
  expect(redact(text)).not.toContain(secret)
})

test('a code of any length is not shown next to its state', () => {
  const code = 'c0de'.repeat(500)
  expect(redact(`${code}#${'a1'.repeat(22)}`)).not.toContain('c0dec0de')
})

test('a long text is cut, and never through a secret', () => {
  for (let before = 16_300; before < 16_400; before += 7) {
    const text = redact(`${'x'.repeat(before)} ${TOKEN} ${'y '.repeat(20_000)}`)
    expect(text.length).toBeLessThanOrEqual(16 * 1024 + 50)
    expect(text).not.toMatch(/sk-ant/)
  }
})

test('a long line of the log is cut and is still JSON with its fields', async () => {
  const lines: string[] = []
  const log = await createLog({ format: 'json', destination: { write: (line) => void lines.push(line) } })
  log.warn({ channel: 'matrix', err: new Error(`answered ${TOKEN} ${'x'.repeat(200_000)}`) }, 'a failure')
  log.warn(Object.fromEntries(Array.from({ length: 99 }, (_, at) => [`f${at}`, 'z'.repeat(9_000)])), 'many')
  expect(lines.map((line) => line.length < 34_000 && line.endsWith('}\n'))).toEqual([true, true])
  const [one, many] = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(one).toMatchObject({ level: 'warn', channel: 'matrix', msg: 'a failure' })
  expect(JSON.stringify(one)).not.toContain('sk-ant')
  expect(many).toMatchObject({ level: 'warn', msg: 'many', cut: true })
})

test('a line that is short enough is left as it is', () => {
  expect(redactLine('{"msg":"a"}\n')).toBe('{"msg":"a"}\n')
})
