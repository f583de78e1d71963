import type { ContentBlockParam, MessageParam } from '@anthropic-ai/sdk/resources/messages'
import type { ModelMessage } from '../conversation/model.ts'
import type { Attachment } from '../inbox/message.ts'
import { decodeText } from '../support/text/decode-text.ts'

const IMAGE_TYPES = ['image/jpeg', 'image/png', 'image/gif', 'image/webp'] as const

/** A message without attachments is sent as plain text, verbatim. Attachments come before the text. */
export function contentOf(message: ModelMessage): MessageParam['content'] {
  if (message.attachments.length === 0) return message.text
  const blocks = message.attachments.map(attachmentBlock)
  return message.text === '' ? blocks : [...blocks, { type: 'text', text: message.text }]
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
