import { distance } from 'fastest-levenshtein'
import { addressProblem } from '../addresses.ts'
import { placeholdersOf } from '../texts.ts'
import { dotted, type KeyPath } from './yaml-source.ts'

/**
 * The part of JSON Schema that is written for `config.yaml`, with three words of our
 * own: `x-expected` says in words what a pattern means, `x-placeholders` what a
 * sentence may have filled in, `x-address` whether credentials go to an address.
 */
export interface SchemaNode {
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly default?: unknown
  readonly pattern?: string
  readonly format?: string
  readonly minLength?: number
  readonly minItems?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly required?: readonly string[]
  readonly additionalProperties?: SchemaNode | boolean
  readonly items?: SchemaNode
  readonly anyOf?: readonly SchemaNode[]
  readonly oneOf?: readonly SchemaNode[]
  readonly 'x-expected'?: string
  readonly 'x-address'?: 'credentials' | 'open'
  readonly 'x-placeholders'?: readonly string[]
}

/** Something wrong, in words that never hold text from the file: it may be a secret. */
export interface Finding {
  readonly path: KeyPath
  /** `key`: the key itself is wrong; `value`: what it holds. */
  readonly about: 'key' | 'value'
  readonly message: string
}

export interface Checked {
  /** The content with defaults filled in; to be used only without findings. */
  readonly value: unknown
  readonly findings: readonly Finding[]
}

type Section = Readonly<Record<string, unknown>>

/**
 * Checks `content` against `root` and fills in its defaults.
 *
 * The schema is written with zod, and a test holds this to zod's own verdict; it is
 * not asked at a start because loading it alone takes a quarter of the time in which
 * the gateway has to be ready.
 */
export function checkContent(root: SchemaNode, content: unknown): Checked {
  return check(root, content, [])

  function check(node: SchemaNode, value: unknown, path: KeyPath): Checked {
    const choices = node.anyOf ?? node.oneOf
    if (choices) return checkChoices(choices, value, path)
    if (!fits(node, value)) {
      const own = node.enum ? node['x-expected'] : undefined
      return wrong(path, own ?? `expected ${expectation([node])}${found(value, [node])}`, value)
    }
    if (Array.isArray(value)) return checkList(node, value, path)
    if (isSection(value)) return checkSection(node, value, path)
    const problem = typeof value === 'string' ? textProblem(node, value) : null
    return problem === null ? { value, findings: [] } : wrong(path, problem, value)
  }

  function checkChoices(choices: readonly SchemaNode[], value: unknown, path: KeyPath): Checked {
    const tagged = choices.filter((choice) => choice.properties?.['type']?.const !== undefined)
    if (tagged.length > 0 && isSection(value)) {
      const chosen = tagged.find((choice) => choice.properties?.['type']?.const === value['type'])
      if (chosen) return check(chosen, value, path)
      const tags = tagged.map((choice) => choice.properties!['type']!)
      const at = [...path, 'type']
      return 'type' in value ? wrong(at, `expected ${expectation(tags)}`, value) : missing(at, tags, value)
    }
    const results = choices
      .filter((choice) => fits(choice, value))
      .map((choice) => check(choice, value, path))
    const best = results.find(({ findings }) => findings.length === 0) ?? results[0]
    return best ?? wrong(path, `expected ${expectation(choices)}${found(value, choices)}`, value)
  }

  function checkList(node: SchemaNode, list: readonly unknown[], path: KeyPath): Checked {
    if (list.length < (node.minItems ?? 0)) {
      return wrong(path, node['x-expected'] ?? 'expected a list with something in it', list)
    }
    const checked = list.map((item, index) => check(node.items ?? {}, item, [...path, index]))
    return { value: checked.map((one) => one.value), findings: checked.flatMap((one) => one.findings) }
  }

  function checkSection(node: SchemaNode, section: Section, path: KeyPath): Checked {
    const findings: Finding[] = []
    const value: Record<string, unknown> = {}
    const take = (key: string, checked: Checked) => {
      value[key] = checked.value
      findings.push(...checked.findings)
    }
    for (const [key, child] of Object.entries(node.properties ?? {})) {
      const at = [...path, key]
      if (Object.hasOwn(section, key)) take(key, check(child, section[key], at))
      else if (child.default !== undefined) take(key, check(child, child.default, at))
      else if (node.required?.includes(key)) findings.push(...missing(at, [child], undefined).findings)
    }
    for (const [key, item] of Object.entries(section)) {
      if (node.properties && Object.hasOwn(node.properties, key)) continue
      if (typeof node.additionalProperties === 'object') {
        take(key, check(node.additionalProperties, item, [...path, key]))
      } else {
        findings.push({ path: [...path, key], about: 'key', message: unknownKey(node, path, key) })
      }
    }
    return { value, findings }
  }

  function unknownKey(node: SchemaNode, path: KeyPath, key: string): string {
    // The right word in the wrong place is the commonest mistake: `port` at the top.
    const elsewhere = keysOf(root).find((candidate) => candidate.endsWith(`.${key}`))
    const nearest = elsewhere ?? dotted([...path, nearestOf(key, Object.keys(node.properties ?? {}))])
    return `unknown key "${dotted([...path, key])}"; the nearest valid key is "${nearest}"`
  }
}

function wrong(path: KeyPath, message: string, value: unknown): Checked {
  const findings: Finding[] = [{ path, about: 'value', message: `${dotted(path)}: ${message}` }]
  return { value, findings }
}

function missing(path: KeyPath, nodes: readonly SchemaNode[], value: unknown): Checked {
  const message = `${dotted(path)} is missing: expected ${expectation(nodes)}`
  return { value, findings: [{ path, about: 'value', message }] }
}

/** Is `value` of the node's type, and of its words and numbers? */
function fits(node: SchemaNode, value: unknown): boolean {
  if (node.const !== undefined) return value === node.const
  if (node.enum) return node.enum.includes(value)
  switch (node.type) {
    case 'string':
      return typeof value === 'string'
    case 'integer': {
      const { minimum = -Infinity, maximum = Infinity } = node
      return Number.isSafeInteger(value) && (value as number) >= minimum && (value as number) <= maximum
    }
    case 'boolean':
      return typeof value === 'boolean'
    case 'null':
      return value === null
    case 'array':
      return Array.isArray(value)
    case 'object':
      return isSection(value)
    default:
      return true
  }
}

function textProblem(node: SchemaNode, value: string): string | null {
  if (value.length < (node.minLength ?? 0)) return 'expected text, got an empty one'
  if (node.pattern !== undefined && !new RegExp(node.pattern).test(value)) {
    return node['x-expected'] ?? 'expected something else'
  }
  if (node['x-address'] === 'credentials') return addressProblem(value)
  if (node['x-address'] === 'open' && !URL.canParse(value)) return node['x-expected'] ?? 'expected an address'
  const known = node['x-placeholders']
  const unknown = known ? placeholdersOf(value).filter((name) => !known.includes(name)) : []
  if (unknown.length === 0) return null
  const choice = known!.length === 0 ? 'it has none' : `it has {${known!.join('}, {')}}`
  return `{${unknown.join('}, {')}} cannot be filled in here; ${choice}`
}

/** Every key of the file, dotted; not those within lists. */
function keysOf(node: SchemaNode, prefix = ''): string[] {
  const sections = [node, ...(node.anyOf ?? [])]
  return sections.flatMap(({ properties = {} }) =>
    Object.entries(properties).flatMap(([key, child]) => [
      prefix + key,
      ...keysOf(child, `${prefix}${key}.`),
    ]),
  )
}

function nearestOf(key: string, candidates: readonly string[]): string {
  const [first = ''] = candidates
  return candidates.reduce(
    (best, candidate) => (distance(key, candidate) < distance(key, best) ? candidate : best),
    first,
  )
}

function expectation(nodes: readonly SchemaNode[]): string {
  const all = nodes.flatMap((node) => node.enum?.map((word) => JSON.stringify(word)) ?? [inWords(node)])
  const unique = [...new Set(all)]
  const last = unique.pop() ?? 'something else'
  return unique.length === 0 ? last : `${unique.join(', ')} or ${last}`
}

function inWords(node: SchemaNode): string {
  if (node.const !== undefined) return JSON.stringify(node.const)
  switch (node.type) {
    case 'integer': {
      const { minimum = -Infinity, maximum = Infinity } = node
      const bounded = Number.isSafeInteger(minimum - 1) && Number.isSafeInteger(maximum + 1)
      return bounded ? `a whole number from ${minimum} to ${maximum}` : 'a whole number'
    }
    case 'string':
      return node['x-expected']?.replace(/^expected /, '') ?? (node.format === 'uri' ? 'an address' : 'text')
    case 'boolean':
      return 'true or false'
    case 'array':
      return 'a list'
    case 'object':
      return 'a section with keys'
    default:
      return node.type ?? 'something else'
  }
}

/** What stands there instead, as `, got …`; of text never the words. */
function found(value: unknown, nodes: readonly SchemaNode[]): string {
  if (value === null) return ', got nothing'
  if (Array.isArray(value)) return ', got a list'
  if (typeof value === 'string') {
    const aWordIsExpected = nodes.some((node) => typeof (node.const ?? node.enum?.[0]) === 'string')
    return aWordIsExpected ? '' : ', got text'
  }
  return typeof value === 'object' ? ', got a section' : `, got ${String(value)}`
}

function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
