import { fileLoader, type FileLoader as LoaderOf, type LoaderOptions } from '../../kit/file-loader.ts'
import type { TelegramClient } from '../api/client.ts'
import { TelegramFailure } from '../api/failure.ts'
import type { FileRef } from './media.ts'

export type FileLoader = LoaderOf<FileRef>

/** @see fileLoader */
export function createFileLoader(options: LoaderOptions & { readonly client: TelegramClient }): FileLoader {
  const { client } = options
  return fileLoader<FileRef>(
    {
      channel: 'telegram',
      name: 'Telegram',
      async fetch({ fileId, maxBytes }, signal) {
        const { file_path: path } = await client.getFile(fileId, signal)
        if (!path) throw new TelegramFailure('gone', 'getFile', 'no path')
        return await client.download(path, maxBytes, signal)
      },
      failure(error) {
        if (!(error instanceof TelegramFailure)) return null
        const { message, kind, retryAfterMs } = error
        return { message, lasting: kind === 'rejected' || kind === 'gone', retryAfterMs }
      },
    },
    options,
  )
}
