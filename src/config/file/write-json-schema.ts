import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { PACKAGE_ROOT } from '../../support/package.ts'
import { configFileSchema } from './schema.ts'

const TARGET = new URL('schema/config.schema.json', PACKAGE_ROOT)

/** The JSON Schema of `config.yaml`, for editors; the text of `schema/config.schema.json`. */
export function jsonSchemaText(): string {
  const { properties, ...schema } = z.toJSONSchema(configFileSchema, { io: 'input' })
  const model = properties?.['model']
  return `${JSON.stringify(
    {
      ...schema,
      title: 'config.yaml of Hermes Gateway',
      properties: {
        ...properties,
        // The loader takes the bare name of a model as well, as Hermes Agent does.
        model: { default: {}, anyOf: [model, { type: 'string', description: "The model's id." }] },
      },
    },
    null,
    2,
  )}\n`
}

/** Writes the file if it would change; says whether it did. */
export function writeJsonSchema(target: URL = TARGET): boolean {
  const text = jsonSchemaText()
  const path = fileURLToPath(target)
  try {
    if (readFileSync(path, 'utf8') === text) return false
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return true
}

if (import.meta.main) writeJsonSchema()
