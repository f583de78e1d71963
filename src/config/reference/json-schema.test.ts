import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { assertProperty } from '../../../test/support/test-chance.ts'
import { CONFIG } from '../config.ts'
import { readContent } from '../shape/section.ts'
import type { Keys } from '../shape/shape.ts'
import { jsonSchema } from './json-schema.ts'

/** What a validator of another house makes of the schema. */
const editor = z.fromJSONSchema(JSON.parse(jsonSchema()))

/** Values that are right somewhere and wrong elsewhere. */
const value = fc.oneof(
  fc.constantFrom<unknown>(
    'auto',
    'anthropic',
    'sqlite',
    'telegram',
    'webhook',
    'ntfy',
    'email',
    'command',
    'info',
    'text',
    '',
    '7d',
    '0d',
    '12345',
    '-1',
    'telegram:1',
    '{time}',
    'until {time}',
    'https://a.example',
    'http://a.example',
    'http://127.0.0.1:1',
    'https://u:p@a.example',
    'https://[',
    'https://a.example:99999',
    'https://a.example/',
    'postgres://h@db/x',
    'smtps://h',
    'smtp://u:p@h:25',
    null,
    true,
    false,
    0,
    1,
    5,
    8642,
    70_000,
    1.5,
    -3,
    1e300,
    Number.NaN,
    [],
    {},
  ),
  fc.array(
    fc.constantFrom<unknown>('a', '', 1, 'telegram:1', 'https://a.example', null, 'http://x.example', {}),
    { maxLength: 2 },
  ),
)

/** Every place in the file, wherever a value can stand. */
function placesOf(keys: Keys, path: readonly string[] = []): string[][] {
  return Object.entries(keys).flatMap(([key, { shape }]) => [
    [...path, key],
    ...placesOf(shape.keys ?? {}, [...path, key]),
  ])
}
const places = placesOf(CONFIG.keys!)

const alert = fc.dictionary(
  fc.constantFrom('type', 'chat', 'to', 'from', 'smtp', 'url', 'secret', 'token', 'run', 'odd'),
  value,
  { maxKeys: 4 },
)
const edit = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.constantFrom(...places), value) },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constantFrom(
        ['odd'],
        ['gateway', 'odd'],
        ['auth', 'oauth', 'odd'],
        ['auth', 'oauth', 'headers', 'x'],
      ),
      value,
    ),
  },
  { weight: 2, arbitrary: fc.tuple(fc.constant(['alerts']), fc.array(alert, { maxLength: 2 })) },
)

function build(edits: readonly (readonly [readonly string[], unknown])[]): Record<string, unknown> {
  const content: Record<string, unknown> = {}
  for (const [path, one] of edits) {
    let section = content
    for (const key of path.slice(0, -1)) {
      const next = section[key]
      section = (
        typeof next === 'object' && next !== null && !Array.isArray(next) ? next : (section[key] = {})
      ) as Record<string, unknown>
    }
    section[path.at(-1)!] = one
  }
  return content
}

/** What JSON Schema cannot say: where credentials may go, what an address or a sentence may hold. */
const BEYOND_SCHEMA =
  /begins with https|user name or password|plain http|cannot be filled in|an address (without a path|such as)/

/** Some thousand files, each with every section there is: a busy machine takes its time. */
const MANY_FILES = { timeout: 180_000 }

it('an editor accepts what a start accepts, and refuses what it refuses', MANY_FILES, () => {
  let right = 0
  assertProperty(
    fc.property(fc.array(edit, { maxLength: 3 }), (edits) => {
      const content = build(edits)
      const { findings } = readContent(CONFIG, content)
      if (findings.length === 0) right++
      const messages = findings.map(({ message }) => message)
      const mayDiffer = messages.length > 0 && messages.every((message) => BEYOND_SCHEMA.test(message))
      const accepted = editor.safeParse(content).success
      // In one value, so that a difference shows what it is about.
      const expected = { content, messages, accepted: mayDiffer ? accepted : messages.length === 0 }
      expect({ content, messages, accepted }).toEqual(expected)
    }),
    { numRuns: 4_000 },
  )
  // Without files that are right the comparison would say little.
  expect(right).toBeGreaterThan(400)
})
