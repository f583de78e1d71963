import { fileLoader, type FileLoader as LoaderOf, type LoaderOptions } from '../../kit/file-loader.ts'
import type { SlackClient } from '../api/client.ts'
import { SlackFailure } from '../api/failure.ts'
import type { FileRef } from './media.ts'

export type FileLoader = LoaderOf<FileRef>

/** An operator has to act, or the file is not there: asking again changes nothing. */
const LASTING: ReadonlySet<string> = new Set(['gone', 'scope', 'token'])

/** @see fileLoader */
export function createFileLoader(
  options: LoaderOptions & { readonly client: Pick<SlackClient, 'download'> },
): FileLoader {
  const { client } = options
  return fileLoader<FileRef>(
    {
      channel: 'slack',
      name: 'Slack',
      fetch: ({ address, maxBytes }, signal) => client.download(address, maxBytes, signal),
      failure(error) {
        if (!(error instanceof SlackFailure)) return null
        const { message, kind, needed, retryAfterMs } = error
        const hint = needed === null ? '' : `; does the app have the scope ${needed}?`
        return { message: message + hint, lasting: LASTING.has(kind), retryAfterMs }
      },
    },
    options,
  )
}
