/** A block of Slack's layout, or an element of one: the fields that hold words. */
export interface SlackBlock {
  readonly type?: string
  /** Words, or an object that holds them. */
  readonly text?: unknown
  readonly elements?: unknown
  readonly fields?: unknown
  /** Of a table: lists of cells. */
  readonly rows?: unknown
  readonly fallback?: unknown
  readonly url?: unknown
  readonly user_id?: unknown
  readonly channel_id?: unknown
  readonly usergroup_id?: unknown
  readonly range?: unknown
  readonly name?: unknown
  readonly alt_text?: unknown
}

/** Blocks stand within each other no deeper than this. */
const MAX_DEPTH = 8
/** Elements that stand side by side on one line. */
const INLINE = new Set(['rich_text_section', 'rich_text_preformatted', 'rich_text_quote', 'context'])

/**
 * The words of blocks, in the form of a message's `text`, which some programs leave empty where there are blocks.
 *
 * @see https://docs.slack.dev/reference/block-kit/blocks
 */
export function blocksText(blocks: unknown, depth = 0): string {
  return listOf(blocks)
    .map((block) => blockText(block, depth))
    .filter((text) => text !== '')
    .join('\n')
}

function blockText(block: SlackBlock, depth: number): string {
  if (depth > MAX_DEPTH) return ''
  const { type = '', elements, fields, rows } = block
  if (type === 'table') return rowsText(rows, depth + 1)
  if (type === 'rich_text_list') {
    const points = listOf(elements).map((point) => `- ${blockText(point, depth + 1)}`)
    return points.join('\n')
  }
  if (INLINE.has(type)) {
    const between = type === 'context' ? ' ' : ''
    return listOf(elements)
      .map((element) => elementText(element))
      .join(between)
  }
  const own = elementText(block)
  const inner = [blocksText(elements, depth + 1), blocksText(fields, depth + 1)]
  return [own, ...inner].filter((text) => text !== '').join('\n')
}

function rowsText(rows: unknown, depth: number): string {
  if (!Array.isArray(rows)) return ''
  const lines = rows.map((row: unknown) =>
    listOf(row)
      .map((cell) => blockText(cell, depth))
      .join(' | '),
  )
  return lines.join('\n')
}

function elementText(element: SlackBlock): string {
  const { type, text, url, name } = element
  switch (type) {
    case 'text':
      return escape(wordsOf(text))
    case 'link':
      return wordsOf(text) === '' ? `<${wordsOf(url)}>` : `<${wordsOf(url)}|${escape(wordsOf(text))}>`
    case 'user':
      return `<@${wordsOf(element.user_id)}>`
    case 'channel':
      return `<#${wordsOf(element.channel_id)}>`
    case 'usergroup':
      return `<!subteam^${wordsOf(element.usergroup_id)}>`
    case 'broadcast':
      return `<!${wordsOf(element.range)}>`
    case 'emoji':
      return `:${wordsOf(name)}:`
    case 'image':
      return escape(wordsOf(element.alt_text))
    // Its words are in the form of a message's text already.
    case 'mrkdwn':
      return wordsOf(text)
    case 'date':
      return escape(wordsOf(element.fallback))
    case 'raw_text':
    case 'plain_text':
      return escape(wordsOf(text))
    default:
      return typeof text === 'object' && text !== null ? elementText(text as SlackBlock) : wordsOf(text)
  }
}

function wordsOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function listOf(value: unknown): readonly SlackBlock[] {
  if (!Array.isArray(value)) return []
  return value.filter((item): item is SlackBlock => typeof item === 'object' && item !== null)
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
