import { CONFIG } from '../config.ts'

/** The text of `schema/config.schema.json`: the JSON Schema of `config.yaml`, for editors. */
export function jsonSchema(): string {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'config.yaml of Hermes Gateway',
    ...CONFIG.schema(),
  }
  return `${JSON.stringify(schema, null, 2)}\n`
}
