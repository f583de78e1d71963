/** The path of a value in the file: keys, and indices of lists. */
export type KeyPath = readonly (string | number)[]

/** `alerts[0].chat` */
export function dotted(path: KeyPath): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text ? `${text}.${key}` : key),
    '',
  )
}

/** A problem, described without text from the file, which may be a secret. */
export interface Finding {
  readonly path: KeyPath
  /** `key`: the key itself is wrong; `value`: what it holds. */
  readonly about: 'key' | 'value'
  readonly message: string
}

/** Returned instead of a value after a finding was reported. */
export const INVALID = Symbol('invalid')

/** Collects what is wrong with one file. */
export class Findings {
  readonly list: Finding[] = []
  /** The whole file, for hints at the right place of a key. */
  readonly root: Keys

  constructor(root: Keys) {
    this.root = root
  }

  add(finding: Finding): typeof INVALID {
    this.list.push(finding)
    return INVALID
  }

  refuse(path: KeyPath, problem: string): typeof INVALID {
    return this.add({ path, about: 'value', message: `${dotted(path)}: ${problem}` })
  }
}

/** A node of JSON Schema. @see https://json-schema.org/draft/2020-12 */
export type JsonSchema = Readonly<Record<string, unknown>>

/**
 * The allowed values of one key of `config.yaml`, and what the program gets for them.
 * One declaration validates, fills in defaults, transforms and documents itself.
 */
export interface Shape<Value> {
  /** Completes the sentence `expected …`. */
  readonly words: string
  /** Whether `input` is of this type at all; decides which of several shapes is meant. */
  accepts(input: unknown): boolean
  /** The value for the program, or `INVALID` after a finding. */
  read(input: unknown, path: KeyPath, findings: Findings): Value | typeof INVALID
  /** For editors. */
  schema(): JsonSchema
  /** The keys of a section. */
  readonly keys?: Keys
  /** The sections between which `type` chooses. */
  readonly variants?: Readonly<Record<string, { readonly sentence: string; readonly keys: Keys }>>
  /** The items of a list. */
  readonly item?: Shape<unknown>
  /** The names of the keys are data: neither renamed nor shown in the example. */
  readonly keepsNames?: boolean
  /** Nothing after the colon means that the key is left out: a list or section whose content is all comments. */
  readonly mayBeEmpty?: boolean
}

/** A key: its shape, its value when left out, and the sentence that describes it. */
export interface Key<Value> {
  readonly shape: Shape<Value>
  readonly absent: Absent
  readonly sentence: string
  /** Values for the example, where the default shows nothing. */
  readonly examples?: readonly unknown[]
}

/** `default` is written as in the file, and is read like a value from there. */
export type Absent =
  | { readonly kind: 'default'; readonly value: unknown }
  | { readonly kind: 'null' }
  | { readonly kind: 'refused' }

export type Keys = Readonly<Record<string, Key<unknown>>>

export type ValueOf<Declared> =
  Declared extends Shape<infer Value> ? Value : Declared extends Key<infer Value> ? Value : never

/** A shape that refuses what it does not accept; `read` sees only the rest. */
export function shapeOf<Input, Value>(
  parts: Omit<Shape<Value>, 'accepts' | 'read'> & {
    accepts(input: unknown): input is Input
    read(input: Input, path: KeyPath, findings: Findings): Value | typeof INVALID
  },
): Shape<Value> {
  return {
    ...parts,
    read: (input, path, findings) =>
      parts.accepts(input)
        ? parts.read(input, path, findings)
        : findings.refuse(path, `expected ${parts.words}${got(input, parts.words)}`),
  }
}

/** The actual value, as `, got …`; never the words of a text. */
function got(input: unknown, expected: string): string {
  if (input === null) return ', got nothing'
  if (Array.isArray(input)) return ', got a list'
  // Where certain words are expected, "got text" adds nothing.
  if (typeof input === 'string') return expected.startsWith('"') ? '' : ', got text'
  return typeof input === 'object' ? ', got a section' : `, got ${String(input)}`
}

/** A shape whose valid values are transformed by `apply`. */
export function transform<Value, Result>(
  shape: Shape<Value>,
  apply: (value: Value) => Result,
): Shape<Result> {
  return {
    ...shape,
    read(input, path, findings) {
      const value = shape.read(input, path, findings)
      return value === INVALID ? INVALID : apply(value)
    },
  }
}
