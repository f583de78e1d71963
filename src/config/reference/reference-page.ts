import { CONFIG } from '../config.ts'
import type { Absent, Key, Keys, Shape } from '../shape/shape.ts'
import { shapeInWords } from './shape-in-words.ts'

const HEAD = `# Configuration

\`config.yaml\` in the home (\`$HERMES_HOME\`, else \`~/.hermes\`). Every key is optional unless it says
*required*; [config.example.yaml](config.example.yaml) shows the whole file with its defaults, and
[a JSON Schema](../schema/config.schema.json) helps editors. \`\${NAME}\` in a value is replaced by that variable
of the environment or of \`.env\`. An unknown key is an error with file, line and the nearest valid key;
keys of Hermes Agent that are not used here are ignored and listed in one line of the log.

This page is generated from the declarations in \`src/config\` by \`npm run build\`.
`

/** The text of `docs/configuration.md`: a table a section. */
export function referencePage(): string {
  const sections = Object.entries(CONFIG.keys ?? {})
  return [HEAD, ...sections.flatMap(([name, declared]) => chapters(name, declared, 2))].join('\n')
}

/** A chapter of a key with keys of its own, and those of the ones within it. */
function chapters(path: string, { shape, sentence }: Key<unknown>, level: number): string[] {
  const within = sectionsIn(shape)
  const [first] = within
  if (!first) return []
  const head = `${'#'.repeat(level)} ${code(path)}\n\n${prose(sentence)}\n`
  const bodies = within.flatMap(({ suffix, sentence: own, keys }) => [
    ...(own === undefined ? [] : [`${'#'.repeat(level + 1)} ${code(path + suffix)}\n\n${prose(own)}\n`]),
    ...tableOf(keys),
    ...Object.entries(keys).flatMap(([name, declared]) =>
      chapters(`${path}${suffix}.${name}`, declared, Math.min(level + 1, 4)),
    ),
  ])
  return [head, ...bodies]
}

interface Within {
  /** After the path of the key: `[]` for the items of a list. */
  readonly suffix: string
  readonly sentence?: string
  readonly keys: Keys
}

function sectionsIn({ keys, item, variants }: Shape<unknown>, suffix = ''): Within[] {
  if (keys) return [{ suffix, keys }]
  if (variants) {
    return Object.entries(variants).map(([type, variant]) => ({
      ...variant,
      suffix: `${suffix} type: ${type}`,
    }))
  }
  return item ? sectionsIn(item, `${suffix}[]`) : []
}

function tableOf(keys: Keys): string[] {
  const rows = Object.entries(keys)
    .filter(([, { shape }]) => shape.keys === undefined)
    .map(([name, { shape, absent, sentence }]) =>
      row([code(name), prose(shapeInWords(shape)), defaultOf(absent), prose(sentence)]),
    )
  if (rows.length === 0) return []
  const head = [row(['key', 'shape', 'default', 'what it is']), row(['---', '---', '---', '---'])]
  return [[...head, ...rows, ''].join('\n')]
}

function defaultOf(absent: Absent): string {
  switch (absent.kind) {
    case 'default':
      return code(typeof absent.value === 'string' ? absent.value : JSON.stringify(absent.value))
    case 'null':
      return 'none'
    case 'refused':
      return '*required*'
  }
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

/** A cell of a table holds one line, in which a bar ends it. */
function code(text: string): string {
  const fence = text.includes('`') ? '``' : '`'
  return `${fence}${text.replaceAll('\n', '\\n').replaceAll('|', '\\|')}${fence}`
}

function prose(text: string): string {
  return text.replace(/[|*<]/g, '\\$&')
}
