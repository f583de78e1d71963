/** A fenced code block of Markdown, as far as tearing one needs to know it. */
export interface Fence {
  /** The line that opens it, without its end. */
  readonly opening: string
  /** The line that closes it. */
  readonly closing: string
}

/** A longer info string is prose; repeating it in every part would waste space. */
const LONGEST_INFO = 64

/** The fence that `line` opens, or null. @see https://spec.commonmark.org/0.31.2/#fenced-code-blocks */
export function fenceOf(line: string): Fence | null {
  const marked = line.trimStart()
  const marks = /^(?:`{3,}|~{3,})/.exec(marked)?.[0]
  if (marks === undefined || line.includes('\n')) return null
  const indent = line.slice(0, line.length - marked.length)
  const info = marked.slice(marks.length)
  if (marks.startsWith('`') && info.includes('`')) return null
  if (indent.length + marks.length + info.length > LONGEST_INFO) return null
  return { opening: line.trimEnd(), closing: indent + marks }
}

/** Does `line` close `fence`? */
export function closes(line: string, fence: Fence): boolean {
  const marks = fence.closing.trim()
  const text = line.trim()
  return text.length >= marks.length && text === (marks[0] ?? '`').repeat(text.length)
}

/** The code block in which `text` ends; null: in none. */
export function openFence(text: string): Fence | null {
  let open: Fence | null = null
  for (const line of text.split('\n')) {
    if (open === null) open = fenceOf(line)
    else if (closes(line, open)) open = null
  }
  return open
}
