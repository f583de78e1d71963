import type { EarlierTurn, MessageContext } from '../../inbox/arrival.ts'
import type { Attachment } from '../../inbox/message.ts'
import { contentOf, objectOf, type Content } from './content.ts'
import { invalid, ParameterProblem, unsupported } from './problem.ts'

/** A valid, supported request for a completion. */
export interface CompletionRequest {
  /** As the client named it; echoed in the response. */
  readonly model: string
  /** The last message, which is answered. */
  readonly text: string
  readonly attachments: readonly Attachment[]
  readonly context: Omit<MessageContext, 'digest'>
  readonly stream: boolean
  /** The stream ends with the usage. */
  readonly includeUsage: boolean
}

/** Far beyond every model's context window, in characters: longer ones would only cost time. */
const MAX_TEXT = 4_000_000
/** As in the protocol. */
const MAX_STOPS = 4
const MAX_TOKENS = 10_000_000

/**
 * Reads the body of `POST /v1/chat/completions`. Unsupported features are refused
 * where ignoring them would change the meaning of the answer.
 *
 * @param models the allowed ids, the configured one first
 * @throws ParameterProblem 400 | 404
 * @see https://platform.openai.com/docs/api-reference/chat/create
 */
export function readCompletionRequest(
  body: Record<string, unknown>,
  models: readonly string[],
): CompletionRequest {
  refuseUnsupported(body)
  const model = modelOf(body['model'], models)
  const { system, messages } = conversationOf(body['messages'])
  const last = messages.at(-1)
  if (last?.role !== 'user') throw invalid('messages', 'The last message must be the user’s.')
  if (last.text === '' && last.files.length === 0) throw invalid('messages', 'The last message is empty.')
  const attachments: Attachment[] = []
  const turns = messages.slice(0, -1).map(({ role, text, files }): EarlierTurn => {
    const first = attachments.length
    attachments.push(...files)
    return { role, text, attachments: files.map((_, index) => first + index) }
  })
  attachments.push(...last.files)
  return {
    model,
    text: last.text,
    attachments,
    stream: flagOf(body, 'stream'),
    includeUsage: flagOf(objectOf(body['stream_options'] ?? {}, 'stream_options'), 'include_usage'),
    context: {
      system,
      turns,
      model: model === models[0] ? null : model,
      maxTokens: countOf(body, 'max_completion_tokens') ?? countOf(body, 'max_tokens'),
      stop: stopOf(body['stop']),
    },
  }
}

function refuseUnsupported(body: Record<string, unknown>): void {
  const { n, tool_choice: toolChoice, response_format: format, modalities } = body
  if (n !== undefined && n !== null && n !== 1)
    throw unsupported('n', 'Only one answer is supported: n must be 1.')
  for (const name of ['tools', 'functions']) {
    if (!isEmpty(body[name]) && toolChoice !== 'none' && body['function_call'] !== 'none')
      throw unsupported(name, 'Client tools are not supported.')
  }
  if (!isEmpty(format) && objectOf(format, 'response_format')['type'] !== 'text')
    throw unsupported('response_format', 'Only text is supported, not JSON mode.')
  if (Array.isArray(modalities) && modalities.some((one) => one !== 'text'))
    throw unsupported('modalities', 'Only text is supported.')
  if (body['logprobs'] === true) throw unsupported('logprobs', 'Log probabilities are not supported.')
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0)
}

function modelOf(value: unknown, models: readonly string[]): string {
  if (typeof value !== 'string' || value === '') throw invalid('model', 'A model is required.')
  if (models.includes(value)) return value
  const message = `There is no such model here. GET /v1/models lists: ${models.join(', ')}.`
  throw new ParameterProblem(404, 'model_not_found', message, 'model')
}

interface Said extends Content {
  readonly role: 'user' | 'assistant'
}

function conversationOf(value: unknown): {
  readonly system: string | null
  readonly messages: readonly Said[]
} {
  if (!Array.isArray(value) || value.length === 0)
    throw invalid('messages', 'At least one message is needed.')
  const system: string[] = []
  const messages: Said[] = []
  let length = 0
  for (const [index, item] of value.entries()) {
    const at = `messages[${index}]`
    const { role, content, tool_calls: calls, function_call: call } = objectOf(item, at)
    if (!isEmpty(calls) || !isEmpty(call)) throw unsupported(at, 'Tool calls are not supported.')
    const said = contentOf(content, `${at}.content`)
    length += said.text.length
    if (role === 'system' || role === 'developer') {
      if (said.files.length > 0) throw unsupported(at, 'A system message can contain only text.')
      if (said.text !== '') system.push(said.text)
    } else if (role === 'user' || role === 'assistant') {
      if (role === 'assistant' && said.files.length > 0)
        throw unsupported(at, 'An assistant message can contain only text.')
      if (said.text !== '' || said.files.length > 0 || index === value.length - 1)
        messages.push({ role, ...said })
    } else throw unsupported(`${at}.role`, 'Roles are system, developer, user and assistant.')
  }
  if (length > MAX_TEXT)
    throw new ParameterProblem(
      400,
      'context_length_exceeded',
      'This is longer than any context window.',
      'messages',
    )
  return { system: system.length > 0 ? system.join('\n\n') : null, messages }
}

function stopOf(value: unknown): readonly string[] {
  if (isEmpty(value) || value === '') return []
  const stops: readonly unknown[] = Array.isArray(value) ? value : [value]
  const good = stops.every((stop): stop is string => typeof stop === 'string' && stop.trim() !== '')
  if (!good || stops.length > MAX_STOPS)
    throw invalid('stop', `Up to ${MAX_STOPS} texts, none of them blank, may stand here.`)
  // Half a character would make the provider refuse the whole request.
  return stops.map((stop) => stop.toWellFormed())
}

function countOf(body: Record<string, unknown>, name: string): number | null {
  const value = body[name]
  if (value === undefined || value === null) return null
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > MAX_TOKENS)
    throw invalid(name, 'This must be a whole number above zero.')
  return value as number
}

function flagOf(body: Record<string, unknown>, name: string): boolean {
  const value = body[name]
  if (value === undefined || value === null) return false
  if (typeof value !== 'boolean') throw invalid(name, 'This must be true or false.')
  return value
}
