import { apiError, type ApiFailure } from '../api-errors.ts'
import { isRecord, parseJson } from '../http.ts'
import type { Question } from '../types.ts'
import { simulatedModel, type SimulatedModel } from './model-table.ts'

/** The body of `POST /v1/messages`, as far as the simulated model reads it. */
export interface MessageRequest extends Question {
  readonly stream: boolean
  readonly messages: ReadonlyArray<{ readonly role: string; readonly content: unknown }>
  readonly maxTokens: number | null
  readonly effort: string | null
  /** About four characters a token, as the real ones come to for English. */
  readonly inputTokens: number
}

const CHARACTERS_PER_TOKEN = 4

/** Reads and checks a request; a failure is what the Messages API would answer. */
export function readMessageRequest(
  body: Buffer,
  models: readonly SimulatedModel[],
  needsMaxTokens = true,
): MessageRequest | ApiFailure {
  const json = parseJson(body.toString())
  if (!isRecord(json)) return invalid('The request body is not valid JSON')
  const { model, messages } = json
  if (typeof model !== 'string') return invalid('model: Field required')
  const simulated = simulatedModel(models, model)
  if (!simulated) return apiError(404, 'not_found_error', `model: ${model}`)
  const unfit = faultOfSettings(json, simulated, needsMaxTokens)
  if (unfit) return invalid(unfit)
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
    maxTokens: typeof json['max_tokens'] === 'number' ? json['max_tokens'] : null,
    effort: isRecord(json['output_config']) ? String(json['output_config']['effort'] ?? '') || null : null,
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

/** What the model cannot do of what is asked, in the words of the real one. */
function faultOfSettings(
  json: Record<string, unknown>,
  model: SimulatedModel,
  needsMaxTokens: boolean,
): string | null {
  const { max_tokens: maxTokens, output_config: output, thinking } = json
  if (needsMaxTokens && (typeof maxTokens !== 'number' || maxTokens < 1)) return 'max_tokens: Field required'
  if (typeof maxTokens === 'number' && maxTokens > model.max_tokens) {
    return `max_tokens: ${maxTokens} > ${model.max_tokens}, which is the maximum allowed number of output tokens for ${model.id}`
  }
  const effort = isRecord(output) ? (output['effort'] ?? null) : null
  if (effort !== null && !supports(model.capabilities.effort, effort)) {
    return model.capabilities.effort.supported
      ? 'output_config.effort: This level is not supported by this model.'
      : 'This model does not support the effort parameter.'
  }
  const type = isRecord(thinking) ? thinking['type'] : null
  if (type !== null && !supports(model.capabilities.thinking.types, type)) {
    return `thinking.type: "${String(type)}" is not supported by this model.`
  }
  return null
}

function supports(abilities: object, name: unknown): boolean {
  if (typeof name !== 'string' || name === 'supported' || !Object.hasOwn(abilities, name)) return false
  return (
    (abilities as Readonly<Record<string, { readonly supported: boolean } | null>>)[name]?.supported === true
  )
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
