import { stringify } from 'yaml'
import { CONFIG } from '../config.ts'
import { flag, text } from '../shape/scalars.ts'
import type { Key, Keys, Shape } from '../shape/shape.ts'
import { shapeInWords } from './shape-in-words.ts'

/** Long enough for a sentence, short enough for two windows side by side. */
const WIDTH = 100

const HEAD = `# yaml-language-server: $schema=../schema/config.schema.json
#
# config.yaml of Hermes Gateway, in $HERMES_HOME (~/.hermes). Every key is optional: this file shows
# the defaults, so a copy changes nothing. Secrets belong in .env in the same folder; write
# \${NAME} here to use a variable from there. docs/configuration.md has the same as tables. Both are
# written from the declarations in src/config by npm run build.
`

/** The text of `docs/config.example.yaml`: every key with its sentence, its default and its shape. */
export function exampleFile(): string {
  const sections = Object.entries(CONFIG.keys ?? {})
  return [HEAD, ...sections.map(([name, declared]) => linesOf(name, declared, '').join('\n') + '\n')].join(
    '\n',
  )
}

function linesOf(name: string, declared: Key<unknown>, indent: string): string[] {
  const { shape, sentence } = declared
  const comment = commentOf(sentence, indent)
  if (shape.keys && !shape.keepsNames) {
    return [...comment, `${indent}${name}:`, ...linesOfKeys(shape.keys, `${indent}  `)]
  }
  return [...comment, ...valueLines(name, declared, indent), ...exampleLines(name, declared, indent)]
}

function linesOfKeys(keys: Keys, indent: string): string[] {
  return Object.entries(keys).flatMap(([name, declared]) => linesOf(name, declared, indent))
}

function valueLines(name: string, { shape, absent }: Key<unknown>, indent: string): string[] {
  const value = absent.kind === 'default' ? absent.value : null
  const words = shapeComment(shape)
  if (Array.isArray(value) && value.length > 0) {
    return [`${indent}${name}:${words}`, ...value.map((item) => `${indent}  - ${flow(item)}`)]
  }
  return [`${indent}${name}: ${flow(value)}${words}`]
}

/** Nothing where the value itself shows it. */
function shapeComment(shape: Shape<unknown>): string {
  const { words } = shape.item ?? shape
  return words === text.words || words === flag.words || shape.keepsNames ? '' : ` # ${shapeInWords(shape)}`
}

/** Items of a list, or another value for a single one; commented, so that the file still changes nothing. */
function exampleLines(name: string, { shape, examples = [] }: Key<unknown>, indent: string): string[] {
  const isList = shape.accepts([]) && !shape.accepts(null)
  return examples.flatMap((example) => {
    const line = isList ? `- ${flow(example)}` : `${name}: ${flow(example)}`
    const lines = line.length <= WIDTH ? [line] : stringify([example], { lineWidth: 0 }).trimEnd().split('\n')
    return lines.map((one) => `${indent}#${isList ? '  ' : ' '}${one}`)
  })
}

function flow(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd()
}

function commentOf(sentence: string, indent: string): string[] {
  const lines: string[] = []
  let line = `${indent}#`
  for (const word of sentence.split(' ')) {
    if (line.length + 1 + word.length > WIDTH) {
      lines.push(line)
      line = `${indent}#`
    }
    line += ` ${word}`
  }
  return [...lines, line]
}
