import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it } from 'vitest'
import { jsonSchemaText, writeJsonSchema } from './write-json-schema.ts'

it('the JSON Schema in the repository is up to date (npm run build writes it)', () => {
  const shipped = readFileSync(new URL('../../../schema/config.schema.json', import.meta.url), 'utf8')
  expect(shipped).toBe(jsonSchemaText())
})

interface Node {
  readonly description?: string
  readonly const?: string
  readonly anyOf?: readonly Node[]
  readonly properties?: Readonly<Record<string, Node>>
  readonly additionalProperties?: unknown
}

/** Every key of the schema, dotted. */
function keysOf(node: Node, prefix = ''): [string, Node][] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => [
    [prefix + key, child] as [string, Node],
    ...[child, ...(child.anyOf ?? [])].flatMap((one) => keysOf(one, `${prefix}${key}.`)),
  ])
}

it('every key is described, and no section takes unknown ones', () => {
  const keys = keysOf(JSON.parse(jsonSchemaText()) as Node)
  expect(keys.length).toBeGreaterThan(60)
  const bare = keys.filter(([, node]) => !node.description && !node.const && !node.anyOf?.[0]?.description)
  expect(bare.map(([key]) => key)).toEqual([])
  const open = keys.filter(([, node]) => node.properties && node.additionalProperties !== false)
  expect(open.map(([key]) => key)).toEqual([])
})

it('is written only when it changes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hermes-'))
  const target = pathToFileURL(join(folder, 'deep', 'schema.json'))
  expect(writeJsonSchema(target)).toBe(true)
  const { mtimeMs } = statSync(target)
  expect(writeJsonSchema(target)).toBe(false)
  expect(statSync(target).mtimeMs).toBe(mtimeMs)
  rmSync(folder, { recursive: true })
})
