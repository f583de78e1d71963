import { fileLoader, type FileLoader as LoaderOf, type LoaderOptions } from '../../kit/files/file-loader.ts'
import { fileLimit, readableType, UNREADABLE_FILE, type ReadableFile } from '../../kit/files/readable-file.ts'
import type { SlackClient } from '../api/client.ts'
import type { FailureKind } from '../api/failure.ts'
import type { SlackFile } from './message.ts'

export interface FileRef extends ReadableFile {
  readonly address: string
}

const ELSEWHERE = 'That file is kept outside of Slack, where I cannot read it. Please upload it here.'
const HIDDEN = 'Slack does not show me that file. Please send it to me directly.'
const AUDIO = "I can't listen to audio yet. Please write to me instead."
const VIDEO = "I can't watch videos yet. Send me a picture, or tell me in words."

/** The file itself, or the short reply for one that cannot be read; pure, nothing is loaded. */
export function fileOf(file: SlackFile): FileRef | string {
  const mime = file.mimetype ?? ''
  if (mime.startsWith('audio/')) return AUDIO
  if (mime.startsWith('video/')) return VIDEO
  if (file.mode === 'external') return ELSEWHERE
  const address = file.url_private_download ?? file.url_private
  if (address === undefined) return HIDDEN
  const name = file.name ?? file.title ?? 'file'
  const mediaType = readableType(mime, name)
  if (mediaType === null) return UNREADABLE_FILE
  return { address, name, mediaType, size: file.size ?? null, ...fileLimit(mediaType) }
}

export type FileLoader = LoaderOf<FileRef>

/** @see fileLoader */
export function createFileLoader(
  options: LoaderOptions & { readonly client: Pick<SlackClient, 'download'> },
): FileLoader {
  const { client } = options
  return fileLoader<FileRef, FailureKind>(
    {
      channel: 'slack',
      name: 'Slack',
      fetch: ({ address, maxBytes }, signal) => client.download(address, maxBytes, signal),
      // An operator has to act, or the file is not there.
      isLasting: ({ kind }) => kind === 'gone' || kind === 'scope' || kind === 'token',
    },
    options,
  )
}
