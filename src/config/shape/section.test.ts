import { expect, expectTypeOf, it } from 'vitest'
import { anyOf, list, orNull, record } from './compound.ts'
import { count, duration, text, word } from './scalars.ts'
import { group, key, optional, readContent, required, section } from './section.ts'
import type { ValueOf } from './shape.ts'

const FILE = section({
  keeper: group('Who keeps it.', {
    max_tokens: key(anyOf(word('auto'), count(1, 9)), 'auto', 'Tokens at most.'),
    keep_for: key(duration, '2m', 'How long it is kept.'),
    names: key(list(text), ['a'], 'Names.'),
    prices: key(
      record(section({ per_token: required(count(0, 99), 'A price.'), note: optional(text, 'A note.') })),
      {},
      'Prices by model.',
    ),
    nobody: key(orNull(text), null, 'Nobody.'),
  }),
})

it('one declaration gives the default, the name and the type that the program sees', () => {
  const { value, findings } = readContent(FILE, {})
  expect(findings).toEqual([])
  expect(value.keeper).toEqual({
    maxTokens: 'auto',
    keepFor: 120_000,
    names: ['a'],
    prices: {},
    nobody: null,
  })
  expectTypeOf<ValueOf<typeof FILE>['keeper']>().toEqualTypeOf<{
    readonly maxTokens: 'auto' | number
    readonly keepFor: number
    readonly names: readonly string[]
    readonly prices: Readonly<Record<string, { readonly perToken: number; readonly note: string | null }>>
    readonly nobody: string | null
  }>()
})

it('the same declaration reads what is written', () => {
  const prices = { 'a-model': { per_token: 3 } }
  const { value, findings } = readContent(FILE, { keeper: { max_tokens: 7, names: null, prices } })
  expect(findings).toEqual([])
  expect(value.keeper).toMatchObject({
    maxTokens: 7,
    names: ['a'],
    prices: { 'a-model': { perToken: 3, note: null } },
  })
})

it('the same declaration says what is wrong, and where', () => {
  const prices = { one: { per_token: 100, nte: 'x' }, two: {} }
  const { findings } = readContent(FILE, { keeper: { max_tokens: 0, keep_for: 'long', prices, name: 1 } })
  expect(findings.map(({ path, message }) => [path.join('/'), message])).toEqual([
    ['keeper/max_tokens', 'keeper.max_tokens: expected "auto" or a whole number from 1 to 9, got 0'],
    ['keeper/keep_for', 'keeper.keep_for: expected a duration such as 90s, 15m, 12h, 7d, 4w or 1y'],
    [
      'keeper/prices/one/per_token',
      'keeper.prices.one.per_token: expected a whole number from 0 to 99, got 100',
    ],
    [
      'keeper/prices/one/nte',
      'unknown key "keeper.prices.one.nte"; the nearest valid key is "keeper.prices.one.note"',
    ],
    [
      'keeper/prices/two/per_token',
      'keeper.prices.two.per_token is missing: expected a whole number from 0 to 99',
    ],
    ['keeper/name', 'unknown key "keeper.name"; the nearest valid key is "keeper.names"'],
  ])
})
