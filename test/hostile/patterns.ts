import { globSync, readFileSync } from 'node:fs'
import { parseSync, Visitor } from 'vite'

export interface Pattern {
  /** As it is written: `/a+/g`. */
  readonly text: string
  readonly source: string
  readonly flags: string
  /** `src/file.ts:12`, each place where it stands. */
  readonly places: readonly string[]
}

/** Every regular expression that is written out in the program and in the page. */
export function patternsOf(globs: readonly string[]): readonly Pattern[] {
  const found = new Map<string, { source: string; flags: string; places: string[] }>()
  for (const file of globs.flatMap((glob) => globSync(glob)).toSorted()) {
    if (file.endsWith('.test.ts')) continue
    const text = readFileSync(file, 'utf8')
    new Visitor({
      Literal(node) {
        if (!('regex' in node) || !node.regex) return
        const { pattern: source, flags } = node.regex
        const written = `/${source}/${flags}`
        const line = text.slice(0, node.start).split('\n').length
        const pattern = found.get(written) ?? { source, flags, places: [] }
        pattern.places.push(`${file}:${line}`)
        found.set(written, pattern)
      },
    }).visit(parseSync(file, text).program)
  }
  return [...found].map(([text, pattern]) => ({ text, ...pattern }))
}

/**
 * The same pattern with small counts, and null where nothing in it repeats without end. Whether the
 * time grows faster than the text does not depend on how high it counts, but to find out does.
 */
export function withSmallCounts(source: string): string | null {
  let simple = ''
  let endless = false
  for (let at = 0; at < source.length;) {
    const piece = /\\.|\[(?:\\.|[^\]\\])*\]|\{(\d+)(,?)(\d*)\}|[\s\S]/uy
    piece.lastIndex = at
    const [text, from, comma, to] = piece.exec(source)!
    at += text.length
    if (from === undefined) {
      endless ||= text === '*' || text === '+'
      simple += text
    } else if (comma === '') simple += `{${Math.min(2, Number(from))}}`
    else {
      endless ||= to === ''
      simple += to === '' ? `{${Math.min(2, Number(from))},}` : `{${Math.min(1, Number(from))},2}`
    }
  }
  return endless ? simple : null
}
