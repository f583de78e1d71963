import { Secret } from '../../support/secret.ts'
import { addressProblem, withoutTrailingSlash } from '../addresses.ts'
import { DURATION_EXAMPLES, DURATION_PATTERN, parseDuration } from '../duration.ts'
import { shapeOf, transform, type JsonSchema, type Shape } from './shape.ts'

/** A single value: `accepts` checks its type, `problemOf` the rest. */
export function scalar<Value>(
  words: string,
  schema: JsonSchema,
  accepts: (input: unknown) => input is Value,
  problemOf: (value: Value) => string | null = () => null,
): Shape<Value> {
  return shapeOf({
    words,
    schema: () => schema,
    accepts,
    read(value, path, findings) {
      const problem = problemOf(value)
      return problem === null ? value : findings.refuse(path, problem)
    },
  })
}

const isText = (input: unknown) => typeof input === 'string'

export const flag = scalar('true or false', { type: 'boolean' }, (input) => typeof input === 'boolean')

/** Text that is not empty. `problemOf`: what else may be wrong with it. */
export const textWithout = (problemOf: (text: string) => string | null): Shape<string> =>
  scalar('text', { type: 'string', minLength: 1 }, isText, (text) =>
    text === '' ? 'expected text, got an empty one' : problemOf(text),
  )

export const text = textWithout(() => null)

/** Text that may be empty. */
export const anyText = scalar('text', { type: 'string' }, isText)

/** Wrapped on the line on which it is read. */
export const secret = <Value extends string>(shape: Shape<Value>): Shape<Secret> =>
  transform(shape, (value) => new Secret(value))

export const count = (from: number, to: number): Shape<number> =>
  scalar(
    `a whole number from ${from} to ${to}`,
    { type: 'integer', minimum: from, maximum: to },
    (input): input is number =>
      Number.isSafeInteger(input) && (input as number) >= from && (input as number) <= to,
  )

/** Money in USD, fractions included. */
export const amount = (to: number): Shape<number> =>
  scalar(
    `an amount in USD from 0 to ${to}`,
    { type: 'number', minimum: 0, maximum: to },
    (input): input is number => typeof input === 'number' && input >= 0 && input <= to,
  )

/** One of these words. */
export const word = <const Word extends string>(...choices: readonly Word[]): Shape<Word> =>
  scalar(
    orList(choices.map((choice) => JSON.stringify(choice))),
    choices.length === 1 ? { type: 'string', const: choices[0] } : { type: 'string', enum: choices },
    (input): input is Word => choices.includes(input as Word),
  )

/** Text for which `problemOf` has no complaint; `words` and `schema` say what that means. */
export const textThat = (
  problemOf: (text: string) => string | null,
  words: string,
  schema: JsonSchema,
): Shape<string> => scalar(words, { type: 'string', ...schema }, isText, problemOf)

/** Text of a form; `words` says what the pattern means. */
export const pattern = (form: RegExp, words: string, more: JsonSchema = {}): Shape<string> =>
  scalar(
    words,
    { type: 'string', pattern: form.source, patternErrorMessage: `expected ${words}`, ...more },
    isText,
    (value) => (form.test(value) ? null : `expected ${words}`),
  )

/** `7d`; the program gets milliseconds. */
export const duration = transform(pattern(DURATION_PATTERN, DURATION_EXAMPLES), parseDuration)

/** An address to which credentials may go. */
export const address = scalar('an address', { type: 'string', format: 'uri' }, isText, addressProblem)

/** A root below which paths are appended; credentials may go there. */
export const rootAddress = transform(address, withoutTrailingSlash)

/** An address to which no credential goes. */
export function openAddress(form: RegExp, words: string): Shape<string> {
  const { schema } = pattern(form, words, { format: 'uri' })
  return scalar(words, schema(), isText, (value) =>
    form.test(value) && URL.canParse(value) && !new URL(value).hostname.includes('*')
      ? null
      : `expected ${words}`,
  )
}

const NUMERIC_ID = /^-?\d+$/

/** YAML parses an unquoted id as a number; the program gets text. */
export const numericId = transform(
  scalar(
    'a numeric id',
    { anyOf: [{ type: 'string', pattern: NUMERIC_ID.source }, { type: 'integer' }] },
    (input): input is string | number => isText(input) || Number.isSafeInteger(input),
    (value) => (NUMERIC_ID.test(String(value)) ? null : 'expected a numeric id; names can change hands'),
  ),
  String,
)

export function orList(all: readonly string[]): string {
  const unique = [...new Set(all)]
  const last = unique.pop() ?? ''
  return unique.length === 0 ? last : `${unique.join(', ')} or ${last}`
}
