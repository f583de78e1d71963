import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PACKAGE_ROOT } from '../../support/package.ts'
import { exampleFile } from './example-file.ts'
import { jsonSchema } from './json-schema.ts'
import { referencePage } from './reference-page.ts'

/** The files that are written from the declarations, by their place in the package. */
export const REFERENCE: Readonly<Record<string, () => string>> = {
  'schema/config.schema.json': jsonSchema,
  'docs/config.example.yaml': exampleFile,
  'docs/configuration.md': referencePage,
}

/** Writes those that would change below `root`. @returns their names */
export function writeReference(root: URL = PACKAGE_ROOT): string[] {
  return Object.entries(REFERENCE)
    .filter(([name, generate]) => writeIfChanged(fileURLToPath(new URL(name, root)), generate()))
    .map(([name]) => name)
}

function writeIfChanged(path: string, text: string): boolean {
  try {
    if (readFileSync(path, 'utf8') === text) return false
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return true
}

if (import.meta.main) writeReference()
