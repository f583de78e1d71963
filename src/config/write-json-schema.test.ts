import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it } from 'vitest'
import { jsonSchemaText, writeJsonSchema } from './write-json-schema.ts'

it('the JSON Schema in the repository is up to date (npm run build writes it)', () => {
  const shipped = readFileSync(new URL('../../schema/config.schema.json', import.meta.url), 'utf8')
  expect(shipped).toBe(jsonSchemaText())
})

it('every key is described and unknown ones are refused', () => {
  const walk = (node: Record<string, unknown>, path: string): void => {
    for (const [key, child] of Object.entries(
      (node['properties'] ?? {}) as Record<string, Record<string, unknown>>,
    )) {
      const described = child['description'] ?? child['const'] ?? child['anyOf']
      expect(described, `${path}${key} has no description`).toBeDefined()
      walk(child, `${path}${key}.`)
    }
    if (node['properties']) expect(node['additionalProperties'], path).toBe(false)
  }
  walk(JSON.parse(jsonSchemaText()) as Record<string, unknown>, '')
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
