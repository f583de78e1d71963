import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it } from 'vitest'
import { PACKAGE_ROOT } from '../../support/package.ts'
import { jsonSchema } from './json-schema.ts'
import { REFERENCE, writeReference } from './write-reference.ts'

it.each(Object.entries(REFERENCE))('%s is up to date (npm run build writes it)', (name, textOf) => {
  expect(readFileSync(new URL(name, PACKAGE_ROOT), 'utf8')).toBe(textOf())
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
  const keys = keysOf(JSON.parse(jsonSchema()) as Node)
  expect(keys.length).toBeGreaterThan(60)
  const bare = keys.filter(([, node]) => !node.description && !node.const && !node.anyOf?.[0]?.description)
  expect(bare.map(([key]) => key)).toEqual([])
  const open = keys.filter(([, node]) => node.properties && node.additionalProperties !== false)
  expect(open.map(([key]) => key)).toEqual([])
})

it('each is written only when it changes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hermes-'))
  const root = pathToFileURL(`${folder}/`)
  const page = join(folder, 'docs', 'configuration.md')
  expect(writeReference(root)).toEqual(Object.keys(REFERENCE))
  const { mtimeMs } = statSync(page)
  expect(writeReference(root)).toEqual([])
  expect(statSync(page).mtimeMs).toBe(mtimeMs)
  rmSync(folder, { recursive: true })
})
