import { orList, text } from './scalars.ts'
import { dotted, INVALID, shapeOf, type Shape, type ValueOf } from './shape.ts'

/** null is a separate value: "none", or "derived from other keys". */
export function orNull<Value>(shape: Shape<Value>): Shape<Value | null> {
  const { item } = shape
  return {
    ...anyOf(shape, NOTHING),
    words: `null or ${shape.words}`,
    ...(item ? { item } : {}),
  }
}

const NOTHING = shapeOf({
  words: 'null',
  schema: () => ({ type: 'null' }),
  accepts: (input) => input === null,
  read: () => null,
})

/** The first shape whose type fits. */
export function anyOf<const Choices extends readonly Shape<unknown>[]>(
  ...choices: Choices
): Shape<ValueOf<Choices[number]>> {
  const chosen = (input: unknown) =>
    choices.find((choice) => choice.accepts(input)) as Shape<ValueOf<Choices[number]>> | undefined
  return shapeOf({
    words: orList(choices.map((choice) => choice.words)),
    schema: () => ({ anyOf: choices.map((choice) => choice.schema()) }),
    accepts: (input): input is unknown => chosen(input) !== undefined,
    read: (input, path, findings) => chosen(input)!.read(input, path, findings),
  })
}

/** @param options.least what is expected of an empty list; without it a list may be empty */
export function list<Value>(
  item: Shape<Value>,
  { least }: { readonly least?: string } = {},
): Shape<readonly Value[]> {
  return shapeOf({
    words: 'a list',
    item,
    mayBeEmpty: true,
    schema: () => ({
      type: 'array',
      items: { description: item.words, ...item.schema() },
      ...(least === undefined ? {} : { minItems: 1 }),
    }),
    accepts: (input): input is readonly unknown[] => Array.isArray(input),
    read(input, path, findings) {
      if (input.length === 0 && least !== undefined) return findings.refuse(path, `expected ${least}`)
      const values = input.map((one, index) => item.read(one, [...path, index], findings))
      return values.includes(INVALID) ? INVALID : (values as Value[])
    },
  })
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

/** Keys chosen by the operator. @param names what they look like; left out: any text */
export function record<Value>(
  item: Shape<Value>,
  names?: { readonly form: RegExp; readonly words: string },
): Shape<Readonly<Record<string, Value>>> {
  return shapeOf({
    words: 'a section with keys',
    item,
    mayBeEmpty: true,
    schema: () => ({
      type: 'object',
      ...(names ? { propertyNames: { pattern: names.form.source } } : {}),
      additionalProperties: item.schema(),
    }),
    accepts: isSection,
    read(input, path, findings) {
      const values = Object.entries(input).map(([name, one]) => {
        const at = [...path, name]
        if (names && !names.form.test(name)) return [name, findings.refuse(at, `expected ${names.words}`)]
        return [name, item.read(one, at, findings)]
      })
      if (values.some(([, value]) => value === INVALID)) return INVALID
      return Object.fromEntries(values) as Record<string, Value>
    },
  })
}

export function isSection(input: unknown): input is Readonly<Record<string, unknown>> {
  return typeof input === 'object' && input !== null && !Array.isArray(input)
}
