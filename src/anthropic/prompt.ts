import type {
  ContentBlockParam,
  MessageCreateParams,
  MessageParam,
} from '@anthropic-ai/sdk/resources/messages'
import type { ModelMessage, ModelRequest, ModelText } from '../conversation/model.ts'
import type { Attachment } from '../inbox/message.ts'
import { decodeText } from '../support/text/decode-text.ts'
import { isBlank } from '../support/text/printable.ts'
import { markPrompt } from './cache-marks.ts'
import { RawContent } from './raw-content.ts'

const IMAGE_TYPES = ['image/jpeg', 'image/png', 'image/gif', 'image/webp'] as const

/** What a request begins with: its messages may hold content that is JSON text already. */
export interface RequestPrompt {
  readonly system?: NonNullable<MessageCreateParams['system']>
  readonly messages: ReadonlyArray<{
    readonly role: ModelMessage['role']
    readonly content: MessageParam['content'] | RawContent
  }>
}

/** The system prompt and the messages of a request, as the API takes them. */
export function promptOf(request: ModelRequest): RequestPrompt {
  const system = [request.system ?? '', request.chatSystem ?? ''].filter((text) => text !== '')
  if (!request.cache) {
    const messages = request.messages.map((message) => ({
      role: message.role,
      content: rawOf(message) ?? contentOf(message),
    }))
    return { ...(system.length === 0 ? {} : { system: system.join('\n\n') }), messages }
  }
  const prompt = {
    system: system.map((text) => ({ type: 'text' as const, text })),
    messages: request.messages.map((message) => ({
      role: message.role,
      content: rawOf(message) ?? blocksOf(message),
    })),
  }
  const marked = markPrompt(prompt, request.cache)
  return system.length === 0 ? { messages: marked.messages } : marked
}

/**
 * A message of words alone is sent as plain text, verbatim. Otherwise what the gateway says of it comes first,
 * then the attachments, and the person's text last, in a block of its own.
 */
export function contentOf(message: ModelMessage): MessageParam['content'] {
  return isWordsAlone(message) ? message.text : blocksOf(message)
}

function isWordsAlone({ attachments, context, before = [], further = [] }: ModelMessage): boolean {
  return attachments.length === 0 && !context && before.length === 0 && further.length === 0
}

function rawOf({ blocks }: ModelMessage): RawContent | null {
  return blocks === undefined ? null : new RawContent(blocks)
}

function blocksOf(message: ModelMessage): ContentBlockParam[] {
  // Nearly all of a long conversation, in each of its requests.
  if (isWordsAlone(message)) return [{ type: 'text', text: message.text }]
  const { before = [], further = [] } = message
  const notes = before.map((note) => ({ type: 'text' as const, text: note }))
  return [...notes, ...[message, ...further].flatMap(blocksOfText)]
}

function blocksOfText({ context, text, attachments }: ModelText): ContentBlockParam[] {
  const blocks = attachments.map(attachmentBlock)
  if (context) blocks.unshift({ type: 'text', text: context })
  return isBlank(text) && blocks.length > 0 ? blocks : [...blocks, { type: 'text', text }]
}

function attachmentBlock({ mediaType, name, bytes }: Attachment): ContentBlockParam {
  const image = IMAGE_TYPES.find((type) => type === mediaType)
  if (image) return { type: 'image', source: { type: 'base64', media_type: image, data: base64(bytes) } }
  if (mediaType === 'application/pdf') {
    return {
      type: 'document',
      title: name,
      source: { type: 'base64', media_type: mediaType, data: base64(bytes) },
    }
  }
  return {
    type: 'document',
    title: name,
    source: { type: 'text', media_type: 'text/plain', data: decodeText(bytes) },
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
