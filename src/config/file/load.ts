import { readFile } from 'node:fs/promises'
import { ConfigurationError } from '../../support/errors.ts'
import { PACKAGE_ROOT } from '../../support/package.ts'
import type { Config } from '../config.ts'
import type { SchemaNode } from './check.ts'
import { DEFAULTS } from './defaults.ts'
import { setHermesAgentKeysAside } from './hermes-agent-keys.ts'
import type { ConfigFile } from './schema.ts'
import { toConfig } from './to-config.ts'
import { dotted, parseYamlSource, type KeyPath, type Place } from './yaml-source.ts'

export interface LoadedConfig {
  readonly config: Config
  /** Keys of Hermes Agent's configuration that mean nothing here, dotted. */
  readonly ignoredKeys: readonly string[]
}

/** Finds what `${NAME}` in the file stands for; undefined = not set. */
export type Lookup = (name: string) => string | undefined

/**
 * Reads and checks `config.yaml` at `path`. A missing or empty file means the defaults.
 *
 * @throws ConfigurationError with every problem at once, one a line: `FILE:LINE: what, and what is expected`
 */
export async function loadConfig(path: string, lookup: Lookup = () => undefined): Promise<LoadedConfig> {
  const text = await readConfigFile(path)
  // Without a file there is nothing to check: neither the parser nor the schema is loaded.
  if (text === null || text.trim() === '') return { config: toConfig(DEFAULTS), ignoredKeys: [] }
  return parseConfig(text, path, lookup)
}

/** Checks the text of a `config.yaml`; `path` is named in the problems. @see loadConfig */
export async function parseConfig(
  text: string,
  path: string,
  lookup: Lookup = () => undefined,
): Promise<LoadedConfig> {
  const source = await parseYamlSource(text)
  if (source.problems.length > 0) throw problemsIn(path, source.problems)
  if (source.content === null) return { config: toConfig(DEFAULTS), ignoredKeys: [] }
  if (typeof source.content !== 'object' || Array.isArray(source.content)) {
    throw problemsIn(path, [
      { ...source.placeOfValue([]), message: 'expected keys and values, such as "gateway:"' },
    ])
  }
  const { rest, ignored } = setHermesAgentKeysAside(source.content as Record<string, unknown>)
  const missing: KeyPath[] = []
  const content = filledIn(withoutEmptySections(rest), lookup, [], missing)
  const [{ checkContent }, schema] = await Promise.all([import('./check.ts'), readSchema()])
  const { value, findings } = checkContent(schema, content)
  const problems: (Place & { message: string })[] = missing.map((at) => ({
    ...source.placeOfValue(at),
    message: `${dotted(at)}: names a variable that is set neither in the environment nor in .env`,
  }))
  for (const { path: at, about, message } of findings) {
    problems.push({ ...(about === 'key' ? source.placeOfKey(at) : source.placeOfValue(at)), message })
  }
  if (problems.length > 0) throw problemsIn(path, problems)
  return { config: toConfig(value as ConfigFile), ignoredKeys: ignored }
}

/** Two folders up from `src` and from `dist` alike. */
const SCHEMA = new URL('schema/config.schema.json', PACKAGE_ROOT)

async function readSchema(): Promise<SchemaNode> {
  return JSON.parse(await readFile(SCHEMA, 'utf8')) as SchemaNode
}

function problemsIn(path: string, problems: readonly (Place & { message: string })[]): ConfigurationError {
  const inOrder = problems.toSorted((one, other) => one.line - other.line || one.column - other.column)
  return new ConfigurationError(inOrder.map(({ line, message }) => `${path}:${line}: ${message}`).join('\n'))
}

async function readConfigFile(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return null
    throw new ConfigurationError(`${path} cannot be read (${code}).`, { cause: error })
  }
}

/** `gateway:` with nothing below it is how an editor leaves a section whose keys are all comments. */
function withoutEmptySections(content: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(content)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [
        key,
        typeof value === 'object' && !Array.isArray(value) && key in DEFAULTS
          ? dropEmpty(value as Record<string, unknown>, DEFAULTS[key as keyof typeof DEFAULTS])
          : value,
      ]),
  )
}

/** Drops null where the default is a section or a list; elsewhere null is a value. */
function dropEmpty(section: Record<string, unknown>, defaults: unknown): Record<string, unknown> {
  const known = defaults as Record<string, unknown>
  return Object.fromEntries(
    Object.entries(section).filter(
      ([key, value]) => !(value === null && typeof known[key] === 'object' && known[key] !== null),
    ),
  )
}

const VARIABLE = /\$\{([A-Za-z_]\w*)\}/g

/** The content with each `${NAME}` replaced, so that a secret can stay in `.env`. */
function filledIn(value: unknown, lookup: Lookup, path: KeyPath, missing: KeyPath[]): unknown {
  if (typeof value === 'string') {
    return value.replace(VARIABLE, (whole, name: string) => {
      const found = lookup(name)
      if (found === undefined) missing.push(path)
      return found ?? whole
    })
  }
  if (Array.isArray(value)) return value.map((one, index) => filledIn(one, lookup, [...path, index], missing))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, filledIn(one, lookup, [...path, key], missing)]),
  )
}
