import { orList, text } from './scalars.ts'
import { dotted, got, INVALID, type Shape, type ValueOf } from './shape.ts'

/** null is a value of its own: "none", or "as the other keys say". */
export const orNull = <Value>(shape: Shape<Value>): Shape<Value | null> => ({
  ...shape,
  words: `null or ${shape.words}`,
  mayBeEmpty: false,
  accepts: (input) => input === null || shape.accepts(input),
  schema: () => ({ anyOf: [shape.schema(), { type: 'null' }] }),
  read(input, path, findings) {
    if (input === null) return null
    if (shape.accepts(input)) return shape.read(input, path, findings)
    return findings.refuse(path, `expected ${shape.words} or null${got(input)}`)
  },
})

/** The first of these whose type fits. */
export function anyOf<const Choices extends readonly Shape<unknown>[]>(
  ...choices: Choices
): Shape<ValueOf<Choices[number]>> {
  const words = orList(choices.map((choice) => choice.words))
  const chosen = (input: unknown) => choices.find((choice) => choice.accepts(input))
  return {
    words,
    accepts: (input) => chosen(input) !== undefined,
    schema: () => ({ anyOf: choices.map((choice) => choice.schema()) }),
    read(input, path, findings) {
      const choice = chosen(input) as Shape<ValueOf<Choices[number]>> | undefined
      if (choice) return choice.read(input, path, findings)
      return findings.refuse(path, `expected ${words}${got(input)}`)
    },
  }
}

/** @param options.least what is expected of an empty list; without it a list may be empty */
export function list<Value>(
  item: Shape<Value>,
  options: { readonly least?: string } = {},
): Shape<readonly Value[]> {
  return {
    words: 'a list',
    item,
    mayBeEmpty: true,
    accepts: Array.isArray,
    schema: () => ({
      type: 'array',
      items: { description: item.words, ...item.schema() },
      ...(options.least === undefined ? {} : { minItems: 1 }),
    }),
    read(input, path, findings) {
      if (!Array.isArray(input)) return findings.refuse(path, `expected a list${got(input)}`)
      if (input.length === 0 && options.least !== undefined) {
        return findings.refuse(path, `expected ${options.least}`)
      }
      const values = input.map((one, index) => item.read(one, [...path, index], findings))
      return values.includes(INVALID) ? INVALID : (values as Value[])
    },
  }
}

/** A program and its arguments. */
export const argv = list(text, {
  least: 'a program and its arguments, such as ["/usr/bin/tool", "--flag"]',
})

/** A list whose items differ in what `key` of the file holds. */
export function distinct<Value extends Readonly<Record<Name, string>>, const Name extends string>(
  shape: Shape<readonly Value[]>,
  key: Name,
): Shape<readonly Value[]> {
  return {
    ...shape,
    read(input, path, findings) {
      const values = shape.read(input, path, findings)
      if (values === INVALID) return INVALID
      const names = values.map((value) => value[key])
      const twice = names.findIndex((name, index) => names.indexOf(name) < index)
      if (twice === -1) return values
      return findings.refuse([...path, twice, key], `two of the ${dotted(path)} have this ${key}`)
    },
  }
}

/** Keys that the operator chooses. */
export function record<Value>(item: Shape<Value>): Shape<Readonly<Record<string, Value>>> {
  return {
    words: 'a section with keys',
    item,
    mayBeEmpty: true,
    accepts: isSection,
    schema: () => ({ type: 'object', additionalProperties: item.schema() }),
    read(input, path, findings) {
      if (!isSection(input)) return findings.refuse(path, `expected a section with keys${got(input)}`)
      const values = Object.entries(input).map(
        ([name, one]) => [name, item.read(one, [...path, name], findings)] as const,
      )
      if (values.some(([, value]) => value === INVALID)) return INVALID
      return Object.fromEntries(values) as Record<string, Value>
    },
  }
}

export function isSection(input: unknown): input is Readonly<Record<string, unknown>> {
  return typeof input === 'object' && input !== null && !Array.isArray(input)
}
