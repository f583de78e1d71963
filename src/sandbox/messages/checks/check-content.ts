import { isRecord } from '../../http.ts'
import { isServerResult, isThinking, type Betas, type Block, type RequestMessage } from '../content.ts'
import type { ModelRules } from '../model-table.ts'
import { blockFault } from './block-shapes.ts'

/** What a message of the role `system` may have in addition to its content, and the beta header that allows it. */
const SYSTEM_BETAS: Readonly<Record<string, string | undefined>> = {
  clear_at: 'mid-conversation-system-clear-at-',
  output_config: 'mid-conversation-output-config-',
}

/** The roles, and that each message and each block has something in it; null: nothing is wrong. */
export function contentFault(messages: unknown, rules: ModelRules, betas: Betas): string | null {
  if (!Array.isArray(messages) || messages.length === 0) return 'messages: at least one message is required'
  for (const [index, message] of messages.entries()) {
    const fault = messageFault(message, index, betas)
    if (fault) return fault
  }
  return firstFault(messages[0] as RequestMessage) ?? systemFault(messages as RequestMessage[], rules)
}

function messageFault(message: unknown, index: number, betas: Betas): string | null {
  const path = `messages.${index}`
  if (!isRecord(message)) return `${path}: Input should be an object`
  const { role, content } = message
  if (role !== 'user' && role !== 'assistant' && role !== 'system') {
    return `${path}: role: Input should be "user", "assistant" or "system"`
  }
  const extra = Object.keys(message).find((name) => !mayHave(name, role, betas))
  if (extra !== undefined) return `${path}.${extra}: Extra inputs are not permitted`
  if (content === undefined || content === null) return `${path}.content: Field required`
  if (typeof content === 'string') {
    return content === ''
      ? emptyMessage(path, role)
      : blockFault({ type: 'text', text: content }, path, role, betas)
  }
  if (!Array.isArray(content)) return `${path}.content: Input should be a valid list`
  if (content.length === 0) return emptyMessage(path, role)
  for (const [at, block] of content.entries()) {
    const fault = blockFault(block, `${path}.content.${at}`, role, betas)
    if (fault) return fault
  }
  const last = content.at(-1) as Block
  if (role === 'assistant' && isThinking(last)) {
    return `${path}: The final block in an assistant message cannot be \`${last.type}\`.`
  }
  return null
}

function mayHave(field: string, role: string, betas: Betas): boolean {
  if (field === 'role' || field === 'content') return true
  const beta = role === 'system' ? SYSTEM_BETAS[field] : undefined
  return beta !== undefined && betas.some((sent) => sent.startsWith(beta))
}

function emptyMessage(path: string, role: string): string {
  return role === 'user'
    ? `${path}: user messages must have non-empty content`
    : `${path}: all messages must have non-empty content except for the optional final assistant message`
}

/** A conversation begins with a person, or with the summary of what was compacted. */
function firstFault({ role, content }: RequestMessage): string | null {
  if (role === 'user') return null
  const [first] = Array.isArray(content) ? (content as Block[]) : []
  if (role === 'assistant' && first?.type === 'compaction') return null
  return 'messages: first message must use the "user" role'
}

/** A message of the role `system` follows a person, or what a server tool found, and the model is next. */
function systemFault(messages: readonly RequestMessage[], rules: ModelRules): string | null {
  for (const [index, { role }] of messages.entries()) {
    if (role !== 'system') continue
    const path = `messages.${index}`
    if (!rules.systemMessages) {
      return 'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" as an input message role, with this model.'
    }
    const before = messages[index - 1]!
    if (before.role === 'system' || (before.role === 'assistant' && !endsInServerResult(before))) {
      return `${path}: a "system" message must follow a "user" message or the result of a server tool`
    }
    const next = messages[index + 1]
    if (next && next.role !== 'assistant') {
      return `${path}: a "system" message must be the last message or be followed by an "assistant" message`
    }
  }
  return null
}

function endsInServerResult({ content }: RequestMessage): boolean {
  return Array.isArray(content) && isServerResult(content.at(-1) as Block)
}

/** What is wrong with `system`: a text, or text blocks; null: nothing. */
export function systemPromptFault(system: unknown): string | null {
  if (system === undefined || system === null || typeof system === 'string') return null
  if (!Array.isArray(system)) return 'system: Input should be a valid string or a valid list'
  for (const [at, block] of system.entries()) {
    if (!isRecord(block) || block['type'] !== 'text') return `system.${at}: Input should be a text block`
    if (typeof block['text'] !== 'string') return `system.${at}.text: Field required`
    if (block['text'] === '') return 'system: text content blocks must be non-empty'
    if (!/\S/.test(block['text'])) return 'system: text content blocks must contain non-whitespace text'
  }
  return null
}
