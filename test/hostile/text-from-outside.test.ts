import { describe, expect, test } from 'vitest'
import { EXEMPT } from './exempt.ts'
import { INPUTS, type Input } from './inputs.ts'
import { textFunctionsOf } from './text-functions.ts'

const LENGTH = 64 * 1024
/** Longer stands everybody still; what is linear needs a tenth of it. */
const CPU_MS = 50
/** The best of so many counts: a busy machine makes every run slower, and none quicker. */
const RUNS = 6
/** No machine is so busy: another run would only take time. */
const HOPELESS_MS = 2_000

const ALPHABETS = [
  ' ',
  '\t',
  '\n',
  '\r\n',
  '(',
  ')',
  '[',
  ']',
  '<',
  '>',
  '{',
  '"',
  "'",
  '`',
  '\\',
  '/',
  '|',
  ',',
  ';',
  'a',
  'Z',
  '0',
  'é',
  '漢',
  '😀',
  '\u200b',
  '\u00a0',
  '_',
  '-',
  '.',
  ':',
  '=',
  '+',
  '*',
  '~',
  '#',
  '@',
  '![',
  '](',
  '[a](',
  '[a]: b\n',
  'code=',
  'state=',
  'a#',
  '# ',
  'a#b ',
  'code=aaaa#',
  'sk-ant-',
  '-_9b',
  'a1',
  '> ',
  '- ',
  '* a\n',
  '1. ',
  '_a',
  '**a',
  '__a',
  '_a_b ',
  'a.b-c_',
  '~~a',
  '|a',
  '|-|\n',
  '```\n',
  'a@',
  '<@',
  '<a ',
  '<!--',
  '&amp;',
  '&',
  '://a:',
  'http://',
  'Bearer ',
  '123456:',
  '\ud83d',
  '/new ',
]

/** Patterns fail at the end of a text, and at its beginning, otherwise than within it. */
const textsOf = (alphabet: string, length: number) => {
  const text = alphabet.repeat(Math.ceil(length / alphabet.length)).slice(0, length - 2)
  return [text, `x${text}!`]
}

function cpuOf(call: () => unknown): number {
  const before = process.cpuUsage()
  call()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

describe(
  '64 KB of one thing cost no function that takes text from outside more than a moment',
  { timeout: 120_000 },
  () => {
    test.each(Object.entries(INPUTS))('%s', (_name, input) => {
      const {
        call,
        length = LENGTH,
        cpuMs = CPU_MS,
      }: Input = typeof input === 'function' ? { call: input } : input
      const attempt = (text: string) => {
        try {
          return call(text)
        } catch (error) {
          // The formatters refuse what is nested too deeply, and it is sent as it is.
          if (error instanceof RangeError) return error
          throw error
        }
      }
      for (const alphabet of ALPHABETS) attempt(textsOf(alphabet, 256)[1]!)
      const slow = ALPHABETS.flatMap((alphabet) =>
        textsOf(alphabet, length).flatMap((text) => {
          let best = Number.POSITIVE_INFINITY
          for (let run = 0; run < RUNS && best > cpuMs && (run === 0 || best < HOPELESS_MS); run++)
            best = Math.min(
              best,
              cpuOf(() => attempt(text)),
            )
          return best > cpuMs ? [`${JSON.stringify(text.slice(0, 12))}… ${Math.round(best)} ms`] : []
        }),
      )
      expect(slow).toEqual([])
    })
  },
)

test('every exported function that takes text is in the list, or is exempt for a reason', () => {
  const places = [
    'src/channels/**/*.ts',
    'src/http/**/*.ts',
    'src/support/text/*.ts',
    'src/conversation/**/*.ts',
    'src/config/environment/*.ts',
  ]
  // A folder that has moved would take its functions out of the list.
  expect(places.filter((place) => textFunctionsOf([place]).length === 0)).toEqual([])
  const found = textFunctionsOf(places)
  expect(found.length).toBeGreaterThan(100)
  expect(found.filter((name) => !(name in INPUTS) && !(name in EXEMPT))).toEqual([])
  expect(Object.keys(EXEMPT).filter((name) => !found.includes(name) || name in INPUTS)).toEqual([])
})
