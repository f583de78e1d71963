import type { APIAttachment } from 'discord-api-types/v10'
import { fileLoader, type FileLoader as LoaderOf, type LoaderOptions } from '../../kit/files/file-loader.ts'
import { fileLimit, readableType, UNREADABLE_FILE, type ReadableFile } from '../../kit/files/readable-file.ts'
import type { DiscordClient } from '../api/client.ts'
import type { FailureKind } from '../api/failure.ts'

export interface FileRef extends ReadableFile {
  readonly url: string
}

/** What a message carries in addition to its text. */
export type Media =
  | { readonly kind: 'none' }
  | { readonly kind: 'files'; readonly files: readonly FileRef[] }
  /** A short reply for what cannot be answered. */
  | { readonly kind: 'unsupported'; readonly sentence: string }

/** `flags` of a message that was spoken. */
const VOICE_MESSAGE = 1 << 13

/** The media of a message; pure, nothing is loaded. */
export function mediaOf(message: {
  readonly attachments: readonly APIAttachment[]
  readonly hasSticker: boolean
  readonly hasPoll: boolean
  readonly flags: number
}): Media {
  const no = (sentence: string): Media => ({ kind: 'unsupported', sentence })
  if (message.flags & VOICE_MESSAGE)
    return no("I can't listen to voice messages yet. Please write to me instead.")
  if (message.hasSticker) return no("I can't see stickers yet. Tell me in words.")
  if (message.hasPoll) return no("I can't vote in polls or read them yet. Write me the question.")
  const files: FileRef[] = []
  for (const { url, filename, content_type = '', size } of message.attachments) {
    if (content_type.startsWith('audio/'))
      return no("I can't listen to audio yet. Please write to me instead.")
    if (content_type.startsWith('video/'))
      return no("I can't watch videos yet. Send me a picture, or tell me in words.")
    const mediaType = readableType(content_type.split(';')[0]!.trim(), filename)
    if (mediaType === null) return no(UNREADABLE_FILE)
    files.push({ url, name: filename, mediaType, ...fileLimit(mediaType), size: size ?? null })
  }
  return files.length > 0 ? { kind: 'files', files } : { kind: 'none' }
}

export type FileLoader = LoaderOf<FileRef>

/** Files are loaded before their message is stored, for their addresses expire. @see fileLoader */
export function createFileLoader(options: LoaderOptions & { readonly client: DiscordClient }): FileLoader {
  const { client } = options
  return fileLoader<FileRef, FailureKind>(
    {
      channel: 'discord',
      name: 'Discord',
      fetch: ({ url, maxBytes }, signal) => client.download(url, maxBytes, signal),
      isLasting: ({ kind }) => kind === 'gone',
    },
    options,
  )
}
