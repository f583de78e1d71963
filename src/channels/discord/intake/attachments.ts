import { fileLoader, type FileLoader as LoaderOf, type LoaderOptions } from '../../kit/file-loader.ts'
import type { DiscordClient } from '../api/client.ts'
import { DiscordFailure } from '../api/failure.ts'
import type { FileRef } from './media.ts'

export type FileLoader = LoaderOf<FileRef>

/**
 * Files are loaded before their message is stored, for their addresses expire.
 *
 * @see fileLoader
 */
export function createFileLoader(options: LoaderOptions & { readonly client: DiscordClient }): FileLoader {
  const { client } = options
  return fileLoader<FileRef>(
    {
      channel: 'discord',
      name: 'Discord',
      fetch: ({ url, maxBytes }, signal) => client.download(url, maxBytes, signal),
      failure(error) {
        if (!(error instanceof DiscordFailure)) return null
        const { message, kind, retryAfterMs } = error
        return { message, lasting: kind === 'gone', retryAfterMs }
      },
    },
    options,
  )
}
