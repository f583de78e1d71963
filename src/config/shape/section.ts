import { distance } from 'fastest-levenshtein'
import { isSection } from './compound.ts'
import { word } from './scalars.ts'
import {
  dotted,
  Findings,
  INVALID,
  shapeOf,
  type Finding,
  type JsonSchema,
  type Key,
  type KeyPath,
  type Keys,
  type Shape,
  type ValueOf,
} from './shape.ts'

/** A key with a default, which is written as in the file. */
export const key = <Value>(
  shape: Shape<Value>,
  value: unknown,
  sentence: string,
  examples: readonly unknown[] = [],
): Key<Value> => ({ shape, absent: { kind: 'default', value }, sentence, examples })

/** A required key. */
export const required = <Value>(shape: Shape<Value>, sentence: string): Key<Value> => ({
  shape,
  absent: { kind: 'refused' },
  sentence,
})

/** An optional key; null if left out. */
export const optional = <Value>(shape: Shape<Value>, sentence: string): Key<Value | null> => ({
  shape,
  absent: { kind: 'null' },
  sentence,
})

/** A key with keys of its own, each of which has a default. */
export const group = <const Declared extends Keys>(
  sentence: string,
  keys: Declared,
  options: SectionOptions = {},
): Key<Resolved<Declared>> => key(section(keys, options), {}, sentence)

/** `drain_rate` → `drainRate` */
type CamelCase<Name extends string> = Name extends `${infer First}_${infer Rest}`
  ? `${First}${Capitalize<CamelCase<Rest>>}`
  : Name

type Resolved<Declared extends Keys> = {
  readonly [Name in keyof Declared & string as CamelCase<Name>]: ValueOf<Declared[Name]>
}

export interface SectionOptions {
  /** The key that a plain text in place of the section sets. */
  readonly alone?: string
}

/** The program gets the keys in camelCase. Unknown keys are refused. */
export function section<const Declared extends Keys>(
  keys: Declared,
  { alone }: SectionOptions = {},
): Shape<Resolved<Declared>> {
  const shape = sectionOf(keys, camelCase) as Shape<Resolved<Declared>>
  if (alone === undefined) return shape
  return shapeOf({
    ...shape,
    words: `${shape.words} or text`,
    schema: () => ({ anyOf: [shape.schema(), described(keys[alone]!)] }),
    accepts: (input): input is string | object => typeof input === 'string' || shape.accepts(input),
    read: (input, path, findings) =>
      shape.read(typeof input === 'string' ? { [alone]: input } : input, path, findings),
  })
}

/** A section whose keys are names that the program looks up as they are written. */
export function dictionary<const Declared extends Keys>(
  keys: Declared,
): Shape<{ readonly [Name in keyof Declared]: ValueOf<Declared[Name]> }> {
  return { ...sectionOf(keys, (name) => name), keepsNames: true } as ReturnType<typeof dictionary<Declared>>
}

type Variants = Readonly<Record<string, { readonly sentence: string; readonly keys: Keys }>>

/** Sections with a key `type`, which decides on the others. */
export function byType<const Declared extends Variants>(
  variants: Declared,
): Shape<
  {
    [Type in keyof Declared & string]: { readonly type: Type } & Resolved<Declared[Type]['keys']>
  }[keyof Declared & string]
> {
  const type = word(...Object.keys(variants))
  const shapes = Object.entries(variants).map(([name, { sentence, keys }]) => {
    const shape = section({ type: required(word(name), sentence), ...keys })
    return [name, { ...shape, schema: () => ({ ...shape.schema(), description: sentence }) }] as const
  })
  const byName = new Map<unknown, Shape<unknown>>(shapes)
  const shape = shapeOf({
    words: 'a section with keys',
    variants,
    schema: () => ({ oneOf: shapes.map(([, one]) => one.schema()) }),
    accepts: isSection,
    read(input, path, findings): unknown {
      const at = [...path, 'type']
      if (!Object.hasOwn(input, 'type')) return findings.add(missing(at, type))
      const chosen = byName.get(input['type'])
      return chosen ? chosen.read(input, path, findings) : type.read(input['type'], at, findings)
    },
  })
  return shape as ReturnType<typeof byType<Declared>>
}

/** The configuration of a file with this `content`; valid only without findings. */
export function readContent<Value>(
  shape: Shape<Value>,
  content: unknown,
): { readonly value: Value; readonly findings: readonly Finding[] } {
  const findings = new Findings(shape.keys ?? {})
  const value = shape.read(content, [], findings) as Value
  return { value, findings: findings.list }
}

function sectionOf(keys: Keys, rename: (name: string) => string): Shape<unknown> {
  return shapeOf({
    words: 'a section with keys',
    keys,
    mayBeEmpty: true,
    accepts: isSection,
    schema: () => ({
      type: 'object',
      properties: Object.fromEntries(Object.entries(keys).map(([name, one]) => [name, described(one)])),
      ...requiredNames(keys),
      additionalProperties: false,
    }),
    read(input, path, findings): unknown {
      const value: Record<string, unknown> = {}
      let valid = true
      for (const name of Object.keys(keys)) {
        const one = readKey(keys[name]!, input, [...path, name], findings)
        if (one === INVALID) valid = false
        value[rename(name)] = one
      }
      for (const name of Object.keys(input)) {
        if (Object.hasOwn(keys, name)) continue
        findings.add({ path: [...path, name], about: 'key', message: unknownKey(keys, path, name, findings) })
        valid = false
      }
      return valid ? value : INVALID
    },
  })
}

function readKey({ shape, absent }: Key<unknown>, input: object, path: KeyPath, findings: Findings): unknown {
  const name = path.at(-1) as string
  const written = Object.hasOwn(input, name) ? (input as Record<string, unknown>)[name] : undefined
  if (written !== undefined && !(written === null && shape.mayBeEmpty && absent.kind === 'default')) {
    return shape.read(written, path, findings)
  }
  if (absent.kind === 'null') return null
  if (absent.kind === 'default') return shape.read(absent.value, path, findings)
  return findings.add(missing(path, shape))
}

function missing(path: KeyPath, { words }: Shape<unknown>): Finding {
  return { path, about: 'value', message: `${dotted(path)} is missing: expected ${words}` }
}

function unknownKey(keys: Keys, path: KeyPath, name: string, { root }: Findings): string {
  // The most common mistake is a right key in the wrong place: `port` at the top.
  const elsewhere = dottedKeys(root).find((candidate) => candidate.endsWith(`.${name}`))
  const [first = '', ...others] = Object.keys(keys)
  const nearest = others.reduce(
    (best, one) => (distance(name, one) < distance(name, best) ? one : best),
    first,
  )
  return `unknown key "${dotted([...path, name])}"; the nearest valid key is "${elsewhere ?? dotted([...path, nearest])}"`
}

/** Every key of the file; not those within lists. */
function dottedKeys(keys: Keys, prefix = ''): string[] {
  return Object.entries(keys).flatMap(([name, { shape }]) => [
    prefix + name,
    ...dottedKeys(shape.keys ?? {}, `${prefix}${name}.`),
  ])
}

function described({ shape, absent, sentence }: Key<unknown>): JsonSchema {
  const schema = { description: sentence, ...shape.schema() }
  if (absent.kind !== 'default') return schema
  return { ...(shape.mayBeEmpty ? orNothing(schema) : schema), default: absent.value }
}

function orNothing(schema: JsonSchema): JsonSchema {
  const { type, anyOf } = schema as { readonly type?: string; readonly anyOf?: readonly JsonSchema[] }
  return type
    ? { ...schema, type: [type, 'null'] }
    : { ...schema, anyOf: [...(anyOf ?? []), { type: 'null' }] }
}

function requiredNames(keys: Keys): JsonSchema {
  const names = Object.keys(keys).filter((name) => keys[name]!.absent.kind === 'refused')
  return names.length === 0 ? {} : { required: names }
}

function camelCase(name: string): string {
  const [first, ...others] = name.split('_')
  return first + others.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}
