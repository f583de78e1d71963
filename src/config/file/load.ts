import { readFile } from 'node:fs/promises'
import { ConfigurationError } from '../../support/errors.ts'
import { CONFIG, type Config } from '../config.ts'
import { readContent } from '../shape/section.ts'
import { dotted, type KeyPath } from '../shape/shape.ts'
import { splitForeignKeys } from './foreign-keys.ts'
import { parseYamlSource, type Place } from './yaml-source.ts'

export interface LoadedConfig {
  readonly config: Config
  /** Keys of Hermes Agent's configuration that are not used here, dotted. */
  readonly ignoredKeys: readonly string[]
}

/** Resolves `${NAME}` in the file; undefined = not set. */
export type Lookup = (name: string) => string | undefined

/**
 * Reads and checks `config.yaml` at `path`. A missing or empty file means the defaults.
 *
 * @throws ConfigurationError with every problem at once, one a line: `FILE:LINE: what, and what is expected`
 */
export async function loadConfig(path: string, lookup: Lookup = () => undefined): Promise<LoadedConfig> {
  const text = await readConfigFile(path)
  // Load the parser only when there is a file.
  if (text === null || text.trim() === '') return defaultConfig()
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
  if (source.content === null) return defaultConfig()
  if (typeof source.content !== 'object' || Array.isArray(source.content)) {
    throw problemsIn(path, [
      { ...source.placeOfValue([]), message: 'expected keys and values, such as "gateway:"' },
    ])
  }
  const { own, ignored } = splitForeignKeys(source.content as Record<string, unknown>, CONFIG.keys ?? {})
  const missing: KeyPath[] = []
  const { value, findings } = readContent(CONFIG, filledIn(own, lookup, [], missing))
  const problems: (Place & { message: string })[] = missing.map((at) => ({
    ...source.placeOfValue(at),
    message: `${dotted(at)}: names a variable that is set neither in the environment nor in .env`,
  }))
  for (const { path: at, about, message } of findings) {
    problems.push({ ...(about === 'key' ? source.placeOfKey(at) : source.placeOfValue(at)), message })
  }
  if (problems.length > 0) throw problemsIn(path, problems)
  return { config: value, ignoredKeys: ignored }
}

/** The configuration of an empty file. */
function defaultConfig(): LoadedConfig {
  return { config: readContent(CONFIG, {}).value, ignoredKeys: [] }
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
