import type { ExternalReplyInfo, Message } from 'grammy/types'
import type { Contact, Location } from '../../../inbox/about.ts'
import { fileLoader, type FileLoader as LoaderOf, type LoaderOptions } from '../../kit/files/file-loader.ts'
import {
  fileLimit,
  MAX_IMAGE_BYTES,
  readableType,
  UNREADABLE_FILE,
  type ReadableFile,
} from '../../kit/files/readable-file.ts'
import type { TelegramClient } from '../api/client.ts'
import { TelegramFailure, type FailureKind } from '../api/failure.ts'

export interface FileRef extends ReadableFile {
  readonly fileId: string
}

/** What a message carries in addition to its text. */
export type Media =
  | { readonly kind: 'none' }
  | { readonly kind: 'file'; readonly file: FileRef }
  /** A short reply for what cannot be answered. */
  | { readonly kind: 'unsupported'; readonly sentence: string }

/** In the order of asking: an animation also shows as a document, a video note as nothing else. */
const UNSUPPORTED: ReadonlyArray<readonly [keyof Message.CommonMessage | string, string]> = [
  ['animation', "I can't watch animations yet. Tell me in words what it shows."],
  ['voice', "I can't listen to voice messages yet. Please write to me instead."],
  ['audio', "I can't listen to audio yet. Please write to me instead."],
  ['video', "I can't watch videos yet. Send me a picture, or tell me in words."],
  ['video_note', "I can't watch videos yet. Send me a picture, or tell me in words."],
  ['sticker', "I can't see stickers yet. Tell me in words."],
  ['story', "I can't see stories. Tell me in words."],
  ['poll', "I can't vote in polls or read them yet. Write me the question."],
  ['checklist', "I can't read checklists yet. Write me the points as text."],
  ['dice', "I can't play dice. Write me something instead."],
  ['game', "I can't play games here. Write me something instead."],
  ['paid_media', "I can't open paid media. Send me a picture, or tell me in words."],
]

/** The fields of a message that hold media. */
export const MEDIA_FIELDS: readonly string[] = [
  'photo',
  'document',
  'venue',
  'location',
  'contact',
  ...UNSUPPORTED.map(([field]) => field),
]

/** The place that a message holds; null: none. */
export function locationIn({ location, venue }: Message): Location | null {
  const at = venue?.location ?? location
  if (!at || !Number.isFinite(at.latitude) || !Number.isFinite(at.longitude)) return null
  const { latitude, longitude } = at
  return { latitude, longitude, name: textOrNull(venue?.title), address: textOrNull(venue?.address) }
}

/** The person's card that a message holds; null: none. */
export function contactIn({ contact }: Message): Contact | null {
  if (!contact) return null
  const name = [contact.first_name, contact.last_name].map(textOrNull).filter((part) => part !== null)
  const phone = textOrNull(contact.phone_number)
  return name.length === 0 && phone === null ? null : { name: name.join(' '), phone }
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

/** The media of a message, or of one that it answers in another chat; pure, nothing is loaded. */
export function mediaOf(message: Message | ExternalReplyInfo): Media {
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

function file(fileId: string, name: string, mediaType: string, size: number | undefined): Media {
  return { kind: 'file', file: { fileId, name, mediaType, ...fileLimit(mediaType), size: size ?? null } }
}

export type FileLoader = LoaderOf<FileRef>

/** @see fileLoader */
export function createFileLoader(options: LoaderOptions & { readonly client: TelegramClient }): FileLoader {
  const { client } = options
  return fileLoader<FileRef, FailureKind>(
    {
      channel: 'telegram',
      name: 'Telegram',
      async fetch({ fileId, maxBytes }, signal) {
        const { file_path: path } = await client.getFile(fileId, signal)
        if (!path) throw new TelegramFailure('gone', 'getFile', 'no path')
        return await client.download(path, maxBytes, signal)
      },
      isLasting: ({ kind }) => kind === 'rejected' || kind === 'gone',
    },
    options,
  )
}
