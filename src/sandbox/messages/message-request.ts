import { apiError, type ApiFailure } from '../api-errors.ts'
import { isRecord, parseJson } from '../http.ts'
import type { Question } from '../types.ts'

/** The body of `POST /v1/messages`, as far as the simulated model reads it. */
export interface MessageRequest extends Question {
  readonly stream: boolean
  readonly messages: ReadonlyArray<{ readonly role: string; readonly content: unknown }>
  /** About four characters a token, as the real ones come to for English. */
  readonly inputTokens: number
}

const CHARACTERS_PER_TOKEN = 4
/** What this provider can be asked for; anything else is a 404. */
const MODEL = /^claude-[a-z0-9.-]+$/

/** Reads and checks a request; a failure is what the Messages API would answer. */
export function readMessageRequest(body: Buffer, needsMaxTokens = true): MessageRequest | ApiFailure {
  const json = parseJson(body.toString())
  if (!isRecord(json)) return invalid('The request body is not valid JSON')
  const { model, messages, max_tokens: maxTokens } = json
  if (typeof model !== 'string') return invalid('model: Field required')
  if (!MODEL.test(model)) return apiError(404, 'not_found_error', `model: ${model}`)
  if (needsMaxTokens && (typeof maxTokens !== 'number' || maxTokens < 1)) {
    return invalid('max_tokens: Field required')
  }
  if (!Array.isArray(messages) || messages.length === 0) {
    return invalid('messages: at least one message is required')
  }
  let turns = 0
  for (const [index, message] of messages.entries()) {
    const wrong = faultOf(message)
    if (wrong) return invalid(`messages.${index}: ${wrong}`)
    if (message.role === 'user') turns++
  }
  if (messages[0].role !== 'user') return invalid('messages: first message must use the "user" role')
  const last = messages.findLast((message) => message.role === 'user')
  return {
    model,
    messages,
    stream: json['stream'] === true,
    ...contentOf(last.content),
    turns,
    system: systemOf(json['system']),
    inputTokens: Math.ceil(body.length / CHARACTERS_PER_TOKEN),
  }
}

export function isFailure(result: MessageRequest | ApiFailure): result is ApiFailure {
  return 'status' in result
}

export function tokensOf(text: string): number {
  return Math.max(1, Math.ceil(text.length / CHARACTERS_PER_TOKEN))
}

function invalid(message: string): ApiFailure {
  return apiError(400, 'invalid_request_error', message)
}

function faultOf(message: unknown): string | null {
  if (!isRecord(message)) return 'Input should be an object'
  const { role, content } = message
  if (role !== 'user' && role !== 'assistant') return 'role: Input should be "user" or "assistant"'
  if (typeof content === 'string') return content === '' ? 'user messages must have non-empty content' : null
  if (!Array.isArray(content) || content.length === 0) return 'user messages must have non-empty content'
  for (const block of content) {
    if (!isRecord(block) || typeof block['type'] !== 'string')
      return 'content: Input should be a content block'
    if (block['type'] === 'text' && !block['text']) return 'text content blocks must be non-empty'
  }
  return null
}

function contentOf(content: unknown): { readonly text: string; readonly attachments: number } {
  if (typeof content === 'string') return { text: content, attachments: 0 }
  const blocks = content as ReadonlyArray<Record<string, unknown>>
  const texts = blocks.filter((block) => block['type'] === 'text').map((block) => String(block['text']))
  const attachments = blocks.filter((block) => block['type'] === 'image' || block['type'] === 'document')
  return { text: texts.join('\n'), attachments: attachments.length }
}

function systemOf(system: unknown): string | null {
  if (typeof system === 'string') return system
  if (!Array.isArray(system)) return null
  return system.map((block) => (isRecord(block) ? String(block['text'] ?? '') : '')).join('\n')
}
