import type { Message } from 'grammy/types'
import { Refused } from '../../support/errors.ts'

const MIB = 1024 * 1024
/** What the cloud Bot API hands out. @see https://core.telegram.org/bots/api#getfile */
const MAX_FILE_BYTES = 20 * MIB
/** The model takes pictures up to this size. */
const MAX_IMAGE_BYTES = 5 * MIB
/** More text than this is beyond any model's context. */
const MAX_TEXT_BYTES = 2 * MIB

/** A file that a message carries and the model can read. */
export interface FileRef {
  readonly fileId: string
  readonly name: string
  readonly mediaType: string
  readonly maxBytes: number
  /** The sentence for a file above `maxBytes`. */
  readonly tooLarge: string
  /** As the platform announces it; null = unknown before the download. */
  readonly size: number | null
}

/** What a message carries beside its text. */
export type Media =
  | { readonly kind: 'none' }
  | { readonly kind: 'file'; readonly file: FileRef }
  /** A friendly sentence for what cannot be answered. */
  | { readonly kind: 'unsupported'; readonly sentence: string }

const IMAGE_TYPES = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp'])
const TEXT_TYPES =
  /^(?:text\/|application\/(?:json|xml|yaml|x-yaml|toml|javascript|typescript|sql|x-sh|x-ndjson)\b)/
const TEXT_NAMES =
  /\.(?:txt|md|markdown|rst|csv|tsv|log|json|jsonl|ya?ml|toml|ini|cfg|conf|xml|html?|css|js|mjs|cjs|ts|tsx|jsx|py|rb|go|rs|java|kt|swift|c|h|cc|cpp|hpp|cs|php|sh|bash|sql|lua|pl|r|tex|diff|patch)$/i

/** In the order of asking: an animation also shows as a document, a video note as nothing else. */
const UNSUPPORTED: ReadonlyArray<readonly [keyof Message.CommonMessage | string, string]> = [
  ['animation', "I can't watch animations yet. Tell me in words what it shows."],
  ['voice', "I can't listen to voice messages yet. Please write to me instead."],
  ['audio', "I can't listen to audio yet. Please write to me instead."],
  ['video', "I can't watch videos yet. Send me a picture, or tell me in words."],
  ['video_note', "I can't watch videos yet. Send me a picture, or tell me in words."],
  ['sticker', "I can't see stickers yet. Tell me in words."],
  ['story', "I can't see stories. Tell me in words."],
  ['venue', "I can't read places on the map yet. Write me the address."],
  ['location', "I can't read places on the map yet. Write me the address."],
  ['poll', "I can't vote in polls or read them yet. Write me the question."],
  ['checklist', "I can't read checklists yet. Write me the points as text."],
  ['contact', "I can't read contacts. Write me what you need as text."],
  ['dice', "I can't play dice. Write me something instead."],
  ['game', "I can't play games here. Write me something instead."],
  ['paid_media', "I can't open paid media. Send me a picture, or tell me in words."],
]

export const UNREADABLE_FILE = 'I can read pictures, PDF and plain text files. This one is of another kind.'

/** The media of a message; pure, nothing is loaded. */
export function mediaOf(message: Message): Media {
  const unsupported = UNSUPPORTED.find(([field]) => field in message)
  if (unsupported) return { kind: 'unsupported', sentence: unsupported[1] }
  if (message.photo) {
    // Sizes come in ascending order; the largest that the model takes is the best to read.
    const fitting = message.photo.filter((size) => (size.file_size ?? 0) <= MAX_IMAGE_BYTES)
    const photo = fitting.at(-1) ?? message.photo[0]
    return photo ? file(photo.file_id, 'photo.jpg', 'image/jpeg', photo.file_size) : { kind: 'none' }
  }
  if (message.document) {
    const { file_id, file_name, mime_type, file_size } = message.document
    const mediaType = readableType(mime_type ?? '', file_name ?? '')
    if (mediaType === null) return { kind: 'unsupported', sentence: UNREADABLE_FILE }
    return file(file_id, file_name ?? 'file', mediaType, file_size)
  }
  return { kind: 'none' }
}

function readableType(mime: string, name: string): string | null {
  const type = mime.toLowerCase()
  if (IMAGE_TYPES.has(type)) return type
  if (type === 'image/jpg') return 'image/jpeg'
  if (type === 'application/pdf' || /\.pdf$/i.test(name)) return 'application/pdf'
  return TEXT_TYPES.test(type) || TEXT_NAMES.test(name) ? 'text/plain' : null
}

function file(fileId: string, name: string, mediaType: string, size: number | undefined): Media {
  const [maxBytes, tooLarge] = limitOf(mediaType)
  return { kind: 'file', file: { fileId, name, mediaType, maxBytes, tooLarge, size: size ?? null } }
}

function limitOf(mediaType: string): readonly [number, string] {
  if (mediaType.startsWith('image/'))
    return [MAX_IMAGE_BYTES, 'This picture is larger than 5 MB. Please send a smaller one.']
  if (mediaType === 'text/plain')
    return [MAX_TEXT_BYTES, 'This file holds more text than I can read at once. Please send a part of it.']
  return [MAX_FILE_BYTES, 'This file is larger than 20 MB. Please send a smaller one.']
}

/** @throws Refused where the announced size is already too much */
export function checkSize(file: FileRef): void {
  if (file.size !== null && file.size > file.maxBytes) throw new Refused(file.tooLarge)
}
