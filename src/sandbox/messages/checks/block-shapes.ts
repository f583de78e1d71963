import { isRecord } from '../../http.ts'
import type { Betas } from '../content.ts'

type Fields = Readonly<Record<string, unknown>>
/** What is wrong with the fields of a block, beginning with the name of the field; null: nothing. */
type Shape = (block: Fields) => string | null

const TOOL_NAME = /^[a-zA-Z0-9_-]{1,128}$/
const TOOL_ID = /^[a-zA-Z0-9_-]+$/
const SERVER_ID = /^srvtoolu_[a-zA-Z0-9_]+$/
const PICTURES = ['image/jpeg', 'image/png', 'image/gif', 'image/webp']
const SERVER_TOOL_NAMES = [
  'web_search',
  'web_fetch',
  'code_execution',
  'bash_code_execution',
  'text_editor_code_execution',
  'tool_search_tool_regex',
  'tool_search_tool_bm25',
]
/** What a client may put into a result of its tool. */
const IN_RESULTS = ['text', 'image', 'document', 'search_result', 'tool_reference', 'browser_state']
const COMPACTION_BETA = 'compact-'

interface Kind {
  /** Who may send it; nobody: it stands only inside the results of tools. */
  readonly roles: readonly string[]
  /** What it may have in addition to its type. */
  readonly fields: string
  readonly shape: Shape
}

const USER = ['user']
const ASSISTANT = ['assistant']
const SERVER_RESULT: Kind = {
  roles: ASSISTANT,
  fields: 'tool_use_id content cache_control caller',
  shape: serverResultFault,
}

/** Every kind of block. */
const KINDS: Readonly<Record<string, Kind>> = {
  text: { roles: ['user', 'assistant', 'system'], fields: 'text cache_control citations', shape: textFault },
  image: { roles: USER, fields: 'source cache_control transformations', shape: imageFault },
  document: { roles: USER, fields: 'source cache_control citations context title', shape: documentFault },
  search_result: {
    roles: USER,
    fields: 'content source title cache_control citations',
    shape: searchResultFault,
  },
  tool_result: {
    roles: USER,
    fields: 'tool_use_id content is_error cache_control toolset_name',
    shape: toolResultFault,
  },
  container_upload: {
    roles: ['user', 'assistant'],
    fields: 'file_id cache_control',
    shape: (block) => stringFault(block, 'file_id'),
  },
  thinking: { roles: ASSISTANT, fields: 'thinking signature', shape: thinkingFault },
  redacted_thinking: { roles: ASSISTANT, fields: 'data', shape: (block) => stringFault(block, 'data') },
  tool_use: {
    roles: ASSISTANT,
    fields: 'id name input cache_control caller toolset_name',
    shape: toolUseFault,
  },
  server_tool_use: {
    roles: ASSISTANT,
    fields: 'id name input cache_control caller',
    shape: serverToolUseFault,
  },
  web_search_tool_result: SERVER_RESULT,
  web_fetch_tool_result: SERVER_RESULT,
  code_execution_tool_result: SERVER_RESULT,
  bash_code_execution_tool_result: SERVER_RESULT,
  text_editor_code_execution_tool_result: SERVER_RESULT,
  tool_search_tool_result: SERVER_RESULT,
  compaction: {
    roles: ASSISTANT,
    fields: 'content encrypted_content signature tool_changes cache_control',
    shape: compactionFault,
  },
  tool_reference: {
    roles: [],
    fields: 'tool_name cache_control',
    shape: (block) => stringFault(block, 'tool_name'),
  },
  browser_state: { roles: [], fields: 'tabs state_changes cache_control', shape: () => null },
}

/**
 * What is wrong with one block of a message, in the words of the service; null: nothing.
 *
 * @param path where it stands, as `messages.0.content.1`
 */
export function blockFault(block: unknown, path: string, role: string, betas: Betas): string | null {
  if (!isRecord(block) || typeof block['type'] !== 'string') {
    return `${path}: Input should be a content block`
  }
  const { type } = block
  const kind = Object.hasOwn(KINDS, type) ? KINDS[type]! : null
  const known = kind && kind.roles.length > 0
  if (!known || (type === 'compaction' && !betas.some((beta) => beta.startsWith(COMPACTION_BETA)))) {
    const tags = Object.keys(KINDS).filter((name) => KINDS[name]!.roles.length > 0 && name !== 'compaction')
    return `${path}: Input tag '${type}' found using 'type' does not match any of the expected tags: ${tags.map((tag) => `'${tag}'`).join(', ')}`
  }
  if (!kind.roles.includes(role)) {
    const allowed = kind.roles.map((name) => `\`${name}\``).join(' or ')
    return `${path}: \`${type}\` blocks can only be in ${allowed} messages`
  }
  const fault = kind.shape(block) ?? extraFault(block, kind)
  if (fault === null) return null
  // The service reports empty text without its place.
  return fault.startsWith('text content') ? `messages: ${fault}` : `${path}.${fault}`
}

function textFault({ text }: Fields): string | null {
  if (typeof text !== 'string')
    return text === undefined ? 'text: Field required' : 'text: Input should be a valid string'
  if (text === '') return 'text content blocks must be non-empty'
  return /\S/.test(text) ? null : 'text content blocks must contain non-whitespace text'
}

function imageFault({ source }: Fields): string | null {
  if (!isRecord(source)) return 'source: Field required'
  switch (source['type']) {
    case 'base64':
      if (!PICTURES.includes(String(source['media_type']))) {
        return `source.base64.media_type: Input should be ${listOf(PICTURES)}`
      }
      return source['data'] === ''
        ? 'source.base64.data: image cannot be empty'
        : stringFault(source, 'data', 'source.base64.')
    case 'url':
      return stringFault(source, 'url', 'source.url.')
    case 'file':
      return stringFault(source, 'file_id', 'source.file.')
    default:
      return sourceFault(source, ['base64', 'url', 'file'])
  }
}

function documentFault({ source }: Fields): string | null {
  if (!isRecord(source)) return 'source: Field required'
  switch (source['type']) {
    case 'base64':
      if (source['media_type'] !== 'application/pdf') {
        return "source.base64.media_type: Input should be 'application/pdf'"
      }
      return source['data'] === ''
        ? 'source.base64.data: PDF cannot be empty'
        : stringFault(source, 'data', 'source.base64.')
    case 'text':
      if (source['media_type'] !== 'text/plain') return "source.text.media_type: Input should be 'text/plain'"
      return source['data'] === ''
        ? 'source.text.data: document cannot be empty'
        : stringFault(source, 'data', 'source.text.')
    case 'content':
      return source['content'] === undefined ? 'source.content.content: Field required' : null
    case 'url':
      return stringFault(source, 'url', 'source.url.')
    case 'file':
      return stringFault(source, 'file_id', 'source.file.')
    default:
      return sourceFault(source, ['base64', 'text', 'content', 'url', 'file'])
  }
}

function searchResultFault(block: Fields): string | null {
  return (
    stringFault(block, 'source') ??
    stringFault(block, 'title') ??
    (Array.isArray(block['content']) ? null : 'content: Field required')
  )
}

function toolUseFault(block: Fields): string | null {
  if (typeof block['id'] !== 'string' || !TOOL_ID.test(block['id'])) {
    return `tool_use.id: String should match pattern '${TOOL_ID.source}'`
  }
  if (typeof block['name'] !== 'string' || !TOOL_NAME.test(block['name'])) {
    return `tool_use.name: String should match pattern '${TOOL_NAME.source}'`
  }
  return isRecord(block['input']) ? null : 'tool_use.input: Input should be a valid dictionary'
}

function toolResultFault({ tool_use_id: id, content, is_error: isError }: Fields): string | null {
  if (typeof id !== 'string' || !TOOL_ID.test(id)) {
    return `tool_result.tool_use_id: String should match pattern '${TOOL_ID.source}'`
  }
  if (isError !== undefined && isError !== null && typeof isError !== 'boolean') {
    return 'tool_result.is_error: Input should be a valid boolean'
  }
  if (content === undefined || content === null || typeof content === 'string') return null
  if (!Array.isArray(content)) return 'tool_result.content: Input should be a valid list'
  for (const [at, block] of content.entries()) {
    const type = isRecord(block) ? String(block['type']) : ''
    if (!IN_RESULTS.includes(type)) {
      return `tool_result.content.${at}: Input tag '${type}' found using 'type' does not match any of the expected tags: ${listOf(IN_RESULTS)}`
    }
    const fault = KINDS[type]!.shape(block as Fields) ?? extraFault(block as Fields, KINDS[type]!)
    if (fault !== null) return fault.startsWith('text content') ? fault : `tool_result.content.${at}.${fault}`
  }
  if (isError === true && content.some((block: { type: string }) => block.type !== 'text')) {
    return 'tool_result: all content must be type `text` if `is_error` is true'
  }
  return null
}

function serverToolUseFault(block: Fields): string | null {
  if (typeof block['id'] !== 'string' || !SERVER_ID.test(block['id'])) {
    return `server_tool_use.id: String should match pattern '${SERVER_ID.source}'`
  }
  if (!SERVER_TOOL_NAMES.includes(String(block['name']))) {
    return `server_tool_use.name: Input should be ${listOf(SERVER_TOOL_NAMES)}`
  }
  return isRecord(block['input']) ? null : 'server_tool_use.input: Input should be a valid dictionary'
}

function serverResultFault(block: Fields): string | null {
  const { type, tool_use_id: id } = block
  if (typeof id !== 'string' || !SERVER_ID.test(id)) {
    return `${String(type)}.tool_use_id: String should match pattern '${SERVER_ID.source}'`
  }
  return block['content'] === undefined ? `${String(type)}.content: Field required` : null
}

function thinkingFault(block: Fields): string | null {
  return stringFault(block, 'thinking', 'thinking.') ?? stringFault(block, 'signature', 'thinking.')
}

function compactionFault({ content }: Fields): string | null {
  if (content === '') return 'compaction.content: String should have at least 1 character'
  if (content === undefined || content === null || typeof content === 'string') return null
  return 'compaction.content: Input should be a valid string'
}

/** A mark of the cache on thinking is one of the fields that the service does not know there. */
function extraFault(block: Fields, { fields }: Kind): string | null {
  const known = fields.split(' ')
  const extra = Object.keys(block).find((name) => name !== 'type' && !known.includes(name))
  return extra === undefined ? null : `${String(block['type'])}.${extra}: Extra inputs are not permitted`
}

function stringFault(fields: Fields, name: string, prefix = ''): string | null {
  if (fields[name] === undefined) return `${prefix}${name}: Field required`
  return typeof fields[name] === 'string' ? null : `${prefix}${name}: Input should be a valid string`
}

function sourceFault(source: Fields, tags: readonly string[]): string {
  return `source: Input tag '${String(source['type'])}' found using 'type' does not match any of the expected tags: ${listOf(tags)}`
}

function listOf(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ')
}
