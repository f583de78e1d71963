import type { Location } from '../../../inbox/about.ts'
import { fileLoader, type FileLoader as LoaderOf, type LoaderOptions } from '../../kit/files/file-loader.ts'
import { fileLimit, readableType, UNREADABLE_FILE, type ReadableFile } from '../../kit/files/readable-file.ts'
import type { MatrixClient } from '../api/client.ts'
import { recordOf, textOf, type MatrixEvent } from '../api/events.ts'
import type { FailureKind } from '../api/failure.ts'

export interface FileRef extends ReadableFile {
  readonly server: string
  readonly mediaId: string
}

/** What a message carries in addition to its text. */
export type Media =
  | { readonly kind: 'none' }
  | { readonly kind: 'file'; readonly file: FileRef }
  /** A short reply for what cannot be answered. */
  | { readonly kind: 'unsupported'; readonly sentence: string }

const UNSUPPORTED: Readonly<Record<string, string>> = {
  'm.audio': "I can't listen to audio yet. Please write to me instead.",
  'm.video': "I can't watch videos yet. Send me a picture, or tell me in words.",
}

export const STICKER = "I can't see stickers yet. Tell me in words."
export const POLL = "I can't vote in polls or read them yet. Write me the question."

/** The media of a message; pure, nothing is loaded. */
export function mediaOf({ content }: MatrixEvent): Media {
  const type = textOf(content, 'msgtype') ?? ''
  const sentence = UNSUPPORTED[type]
  if (sentence !== undefined) return { kind: 'unsupported', sentence }
  if (type !== 'm.image' && type !== 'm.file') return { kind: 'none' }
  const info = recordOf(content['info'])
  const name = textOf(content, 'filename') ?? textOf(content, 'body') ?? 'file'
  const mime = textOf(info, 'mimetype') ?? (type === 'm.image' ? 'image/jpeg' : '')
  const mediaType = readableType(mime, name)
  const place = /^mxc:\/\/([\w.:[\]-]{1,255})\/([\w-]{1,255})$/.exec(textOf(content, 'url') ?? '')
  if (mediaType === null || !place) return { kind: 'unsupported', sentence: UNREADABLE_FILE }
  const size = typeof info['size'] === 'number' ? info['size'] : null
  const [, server = '', mediaId = ''] = place
  return { kind: 'file', file: { server, mediaId, name, mediaType, size, ...fileLimit(mediaType) } }
}

/** `geo:52.52,13.405;u=35`. @see RFC 5870 §3.3 */
const GEO = /^geo:(-?\d{1,3}(?:\.\d{1,12})?),(-?\d{1,3}(?:\.\d{1,12})?)(?:[,;].{0,200})?$/i

/** The place that a message holds; null: none that can be read. */
export function locationIn({ content }: MatrixEvent): Location | null {
  if (textOf(content, 'msgtype') !== 'm.location') return null
  const [, latitude, longitude] = GEO.exec(textOf(content, 'geo_uri') ?? '') ?? []
  if (latitude === undefined || longitude === undefined) return null
  const name = textOf(content, 'body')
  return { latitude: Number(latitude), longitude: Number(longitude), name, address: null }
}

/** The words that go with a file: `body` is a caption only where the name is given, too. */
export function captionOf(content: Readonly<Record<string, unknown>>): string {
  const name = textOf(content, 'filename')
  const body = textOf(content, 'body') ?? ''
  return name !== null && name !== body ? body : ''
}

export type FileLoader = LoaderOf<FileRef>

/** @see fileLoader */
export function createFileLoader(options: LoaderOptions & { readonly client: MatrixClient }): FileLoader {
  const { client } = options
  return fileLoader<FileRef, FailureKind>(
    {
      channel: 'matrix',
      name: 'the server',
      fetch: (file, signal) => client.download(file, file.maxBytes, signal),
      // All others are an answer of the server about the file, or about the bot.
      isLasting: ({ kind }) => kind !== 'network' && kind !== 'server' && kind !== 'rate-limited',
    },
    options,
  )
}
