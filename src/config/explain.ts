import { distance } from 'fastest-levenshtein'
import { z } from 'zod'
import { DURATION_EXAMPLES, DURATION_PATTERN } from './duration.ts'
import { configFileSchema } from './schema.ts'
import { dotted, type KeyPath } from './yaml-source.ts'

/** A finding of the schema in words for the operator. It never holds a value from the file. */
export interface Explanation {
  readonly path: KeyPath
  /** `key`: the key itself is wrong; `value`: what it holds. */
  readonly about: 'key' | 'value'
  readonly message: string
}

/** The part of JSON Schema that zod writes for our schema. */
interface SchemaNode {
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly additionalProperties?: SchemaNode | boolean
  readonly items?: SchemaNode
  readonly anyOf?: readonly SchemaNode[]
  readonly oneOf?: readonly SchemaNode[]
}

export function explainIssues(issues: readonly z.core.$ZodIssue[], content: unknown): Explanation[] {
  const root = z.toJSONSchema(configFileSchema, { io: 'input' }) as SchemaNode
  return issues.flatMap((issue): Explanation[] => {
    const path = issue.path as KeyPath
    const nodes = nodesAt(root, path, content)
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        path: [...path, key],
        about: 'key',
        message: unknownKey(root, nodes, path, key),
      }))
    }
    const value = valueAt(content, path)
    if (value === undefined) {
      return [{ path, about: 'value', message: `${dotted(path)} is missing: expected ${expectation(nodes)}` }]
    }
    // Sentences that the schema itself gives begin in this way; zod's own do not.
    const own = issue.code === 'custom' || issue.message.startsWith('expected ')
    const message = own ? issue.message : `expected ${expectation(nodes)}${found(value, nodes)}`
    return [{ path, about: 'value', message: `${dotted(path)}: ${message}` }]
  })
}

function unknownKey(root: SchemaNode, nodes: readonly SchemaNode[], path: KeyPath, key: string): string {
  const valid = nodes.flatMap((node) => Object.keys(node.properties ?? {}))
  // The right word in the wrong place is the commonest mistake: `port` at the top.
  const elsewhere = keysOf(root).find((candidate) => candidate.endsWith(`.${key}`))
  const nearest = elsewhere ?? dotted([...path, nearestOf(key, valid)])
  return `unknown key "${dotted([...path, key])}"; the nearest valid key is "${nearest}"`
}

function nearestOf(key: string, candidates: readonly string[]): string {
  const [first = ''] = candidates
  return candidates.reduce(
    (best, candidate) => (distance(key, candidate) < distance(key, best) ? candidate : best),
    first,
  )
}

/** Every key of the file, dotted; not those within lists. */
function keysOf(node: SchemaNode, prefix = ''): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => [
    prefix + key,
    ...keysOf(child, `${prefix}${key}.`),
  ])
}

/** The parts of the schema that apply at `path`; several where the file leaves the choice open. */
function nodesAt(root: SchemaNode, path: KeyPath, content: unknown): SchemaNode[] {
  let nodes = variants(root, content)
  path.forEach((key, index) => {
    const value = valueAt(content, path.slice(0, index + 1))
    nodes = nodes
      .map((node) => {
        if (typeof key === 'number') return node.items
        return (
          node.properties?.[key] ??
          (typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined)
        )
      })
      .filter((node) => node !== undefined)
      .flatMap((node) => variants(node, value))
  })
  return nodes
}

function variants(node: SchemaNode, value: unknown): SchemaNode[] {
  const choices = node.anyOf ?? node.oneOf
  if (!choices) return [node]
  // A list's entries are told apart by their `type`.
  const type = (value as { type?: unknown } | null)?.type
  const chosen = choices.filter((choice) => choice.properties?.type?.const === type)
  return (chosen.length > 0 ? chosen : choices).flatMap((choice) => variants(choice, value))
}

function expectation(nodes: readonly SchemaNode[]): string {
  const all = nodes.flatMap((node) => (node.enum ? node.enum.map((one) => JSON.stringify(one)) : [one(node)]))
  const unique = [...new Set(all)]
  return unique.length < 2
    ? (unique[0] ?? 'something else')
    : `${unique.slice(0, -1).join(', ')} or ${unique.at(-1)}`
}

function one(node: SchemaNode): string {
  if (node.const !== undefined) return JSON.stringify(node.const)
  switch (node.type) {
    case 'integer': {
      const { minimum = -Infinity, maximum = Infinity } = node
      const bounded = Math.abs(minimum) < Number.MAX_SAFE_INTEGER && maximum < Number.MAX_SAFE_INTEGER
      return bounded ? `a whole number from ${minimum} to ${maximum}` : 'a whole number'
    }
    case 'string':
      if (node.pattern === DURATION_PATTERN.source) return DURATION_EXAMPLES
      return node.format === 'uri' ? 'an address' : 'text'
    case 'boolean':
      return 'true or false'
    case 'array':
      return 'a list'
    case 'object':
      return 'a section with keys'
    case 'null':
      return 'null'
    default:
      return 'something else'
  }
}

/** What stands there instead, as `, got …`; of text never the words, because it may be a secret. */
function found(value: unknown, nodes: readonly SchemaNode[]): string {
  if (value === null) return ', got nothing'
  if (Array.isArray(value)) return ', got a list'
  if (typeof value === 'string') {
    const aWordIsExpected = nodes.some((node) => typeof (node.const ?? node.enum?.[0]) === 'string')
    return aWordIsExpected ? '' : ', got text'
  }
  return typeof value === 'object' ? ', got a section' : `, got ${String(value)}`
}

function valueAt(content: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Record<string | number, unknown> | null | undefined)?.[key],
    content,
  )
}
