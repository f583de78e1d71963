import { isRecord } from '../../http.ts'
import { placedBlocks, systemBlocks, toolsOf, type PlacedBlock, type RequestMessage } from '../content.ts'

type Fields = Readonly<Record<string, unknown>>

export type Ttl = '5m' | '1h'

/** Marks in a request, those of its top level included. */
const MOST_MARKS = 4

/** The life of a cache mark of a block that was checked; null: it has none. */
export function markOf(block: Fields): Ttl | null {
  const mark = block['cache_control']
  return isRecord(mark) ? ((mark['ttl'] as Ttl | null | undefined) ?? '5m') : null
}

/**
 * What is wrong with the marks of the cache: of another type or life than there is, more than four, a longer
 * life behind a shorter one, or a last block that says otherwise than the top level. null: nothing.
 */
export function cacheMarkFault(request: Fields, messages: readonly RequestMessage[]): string | null {
  const marked = markedPlaces(request, messages)
  if (marked.length === 0 && !request['cache_control']) return null
  for (const { mark, path } of [...marked, { mark: request['cache_control'], path: '' }]) {
    const fault = shapeFault(mark)
    if (fault) return `${path === '' ? '' : `${path}.`}cache_control${fault}`
  }
  const automatic = request['cache_control'] ? markOf(request) : null
  const last = marked.findLast(({ isLast }) => isLast)
  if (automatic && last && ttlOf(last.mark) !== automatic) {
    return `${last.path}.cache_control.ttl: the last block has a ttl other than that of the top-level \`cache_control\``
  }
  const count = marked.length + (automatic && !last ? 1 : 0)
  if (count > MOST_MARKS) {
    return `A maximum of ${MOST_MARKS} blocks with cache_control may be provided. Found ${count}.`
  }
  const all = marked.map(({ mark, path }) => ({ ttl: ttlOf(mark), path: `${path}.` }))
  if (automatic) all.push({ ttl: automatic, path: '' })
  const short = all.findIndex(({ ttl }) => ttl === '5m')
  const late = short === -1 ? undefined : all.slice(short).find(({ ttl }) => ttl === '1h')
  return late
    ? `${late.path}cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. Note that blocks are processed in the following order: \`tools\`, \`system\`, \`messages\`.`
    : null
}

interface MarkedPlace {
  readonly mark: unknown
  readonly path: string
  /** The last block of the messages. */
  readonly isLast: boolean
}

/** Every mark in the order in which the service reads a request: tools, system, messages. */
function markedPlaces(request: Fields, messages: readonly RequestMessage[]): readonly MarkedPlace[] {
  const places: MarkedPlace[] = []
  const add = (block: Fields, path: string, isLast = false) => {
    const mark = block['cache_control']
    if (mark !== undefined && mark !== null) places.push({ mark, path, isLast })
  }
  for (const [at, tool] of toolsOf(request['tools']).entries()) add(tool, `tools.${at}`)
  for (const [at, block] of systemBlocks(request['system']).entries()) add(block, `system.${at}`)
  const blocks: readonly PlacedBlock[] = placedBlocks(messages)
  for (const placed of blocks) {
    const { block, path } = placed
    if (block.type === 'tool_result' && Array.isArray(block['content'])) {
      for (const [at, inner] of block['content'].entries()) {
        if (isRecord(inner)) add(inner, `${path}.content.${at}`)
      }
    }
    add(block, path, placed === blocks.at(-1))
  }
  return places
}

function shapeFault(mark: unknown): string | null {
  if (mark === undefined || mark === null) return null
  if (!isRecord(mark)) return ': Input should be an object'
  if (mark['type'] !== 'ephemeral') return ".type: Input should be 'ephemeral'"
  const { ttl } = mark
  return ttl === undefined || ttl === null || ttl === '5m' || ttl === '1h'
    ? null
    : ".ttl: Input should be '5m' or '1h'"
}

function ttlOf(mark: unknown): Ttl {
  return markOf({ cache_control: mark })!
}
