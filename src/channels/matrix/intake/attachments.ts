import { fileLoader, type FileLoader as LoaderOf, type LoaderOptions } from '../../kit/file-loader.ts'
import type { MatrixClient } from '../api/client.ts'
import { MatrixFailure } from '../api/failure.ts'
import type { FileRef } from './media.ts'

export type FileLoader = LoaderOf<FileRef>

/** All others are an answer of the server about the file, or about the bot. */
const PASSING: ReadonlySet<string> = new Set(['network', 'server', 'rate-limited'])

/** @see fileLoader */
export function createFileLoader(options: LoaderOptions & { readonly client: MatrixClient }): FileLoader {
  const { client } = options
  return fileLoader<FileRef>(
    {
      channel: 'matrix',
      name: 'the server',
      fetch: (file, signal) => client.download(file, file.maxBytes, signal),
      failure(error) {
        if (!(error instanceof MatrixFailure)) return null
        const { message, kind, retryAfterMs } = error
        return { message, lasting: !PASSING.has(kind), retryAfterMs }
      },
    },
    options,
  )
}
