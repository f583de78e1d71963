import type { Document, Node, Pair } from 'yaml'
import type { KeyPath } from '../shape/shape.ts'

/** A place in a file, counted from 1. */
export interface Place {
  readonly line: number
  readonly column: number
}

export interface SourceProblem extends Place {
  readonly message: string
}

/** A parsed YAML file with the position of each key and value. */
export interface YamlSource {
  /** The content as plain data; null when the file is empty. Undefined content when there are problems. */
  readonly content: unknown
  readonly problems: readonly SourceProblem[]
  /** The position of the key at the end of `path`; the nearest parent's when it is not in the file. */
  placeOfKey(path: KeyPath): Place
  /** The position of the value at `path`, likewise. */
  placeOfValue(path: KeyPath): Place
}

/**
 * Parses YAML 1.2. Syntax errors and doubled keys are all reported, in sentences that
 * never quote the file: it may hold secrets.
 */
export async function parseYamlSource(text: string): Promise<YamlSource> {
  // Loaded only where there is a file to read: it costs a tenth of the time that a start may take.
  const { parseDocument, LineCounter, isAlias, isMap, isScalar, visit } = await import('yaml')
  const lines = new LineCounter()
  const document = parseDocument(text.replace(/^\ufeff/, ' '), {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    stringKeys: true,
  })
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const problems: SourceProblem[] = []
  for (const error of document.errors) {
    const at = place(error.pos[0])
    // A missing quotation mark causes several errors on the same line.
    if (problems.some(({ line }) => line === at.line)) continue
    const line = text.slice(error.pos[0] - at.column + 1)
    const message = COMMENT.test(line) ? COMMENT_OF_JSON : sentenceOf(error.code, error.message)
    problems.push({ ...at, message })
  }
  // YAML takes it for a part of what follows, and the file would mean something else.
  visit(document, {
    Pair(_, { key }) {
      const at = isScalar(key) && COMMENT.test(String(key.value)) ? place(key.range?.[0] ?? 0) : null
      if (at && !problems.some(({ line }) => line === at.line))
        problems.push({ ...at, message: COMMENT_OF_JSON })
    },
  })
  const nodeAt = (path: KeyPath): Node | null => {
    const node = path.length === 0 ? document.contents : document.getIn(path, true)
    return (isAlias(node) ? node.resolve(document as Document) : node) as Node | null
  }
  const placeOfValue = (path: KeyPath): Place => {
    const offset = nodeAt(path)?.range?.[0]
    if (offset !== undefined) return place(offset)
    return path.length === 0 ? { line: 1, column: 1 } : placeOfKey(path)
  }
  const placeOfKey = (path: KeyPath): Place => {
    if (path.length === 0) return placeOfValue(path)
    const parent = nodeAt(path.slice(0, -1))
    const pair = isMap(parent)
      ? (parent.items as Pair[]).find(({ key }) => isScalar(key) && key.value === path.at(-1))
      : undefined
    const offset = (pair?.key as Node | undefined)?.range?.[0]
    return offset === undefined ? placeOfValue(path.slice(0, -1)) : place(offset)
  }
  let content: unknown
  if (problems.length === 0) {
    try {
      content = document.toJS({ maxAliasCount: 100 })
    } catch {
      problems.push({ line: 1, column: 1, message: 'not valid YAML: an alias that cannot be resolved' })
    }
  }
  return { content, problems, placeOfKey, placeOfValue }
}

const COMMENT = /^\s*\/[/*]/
const COMMENT_OF_JSON = 'a comment begins with "#" here: this file is YAML, and not JSON with comments'

/** Our own sentences for common mistakes; the library's for the rest, without its quotations. */
function sentenceOf(code: string, message: string): string {
  switch (code) {
    case 'DUPLICATE_KEY':
      return 'this key stands here for the second time'
    case 'TAB_AS_INDENT':
      return 'not valid YAML: a tab indents this line; use spaces'
    case 'MULTIPLE_DOCS':
      return 'a second document begins here; the file must hold one'
    case 'BAD_INDENT':
      return 'not valid YAML: the indentation does not fit the lines before'
    case 'MISSING_CHAR':
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MULTILINE_IMPLICIT_KEY':
      return 'not valid YAML: a colon, quotation mark or bracket is missing or too many'
    default:
      return `not valid YAML: ${message.replace(/:? ".*/s, '').replace(/[.:]$/, '')}`
  }
}
