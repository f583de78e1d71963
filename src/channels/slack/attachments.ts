import type { Attachment } from '../../inbox/inbox.ts'
import { backoffDelay } from '../../support/backoff.ts'
import { sleep, type Clock, SECOND } from '../../support/clock.ts'
import { Refused, TransientError } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import { checkSize, UNREADABLE_FILE } from '../readable-file.ts'
import { sniff } from '../sniff.ts'
import type { SlackClient } from './client.ts'
import { SlackFailure } from './failure.ts'
import type { FileRef } from './media.ts'

/** Makes the loader of a file: nothing is fetched before it is called. */
export type FileLoader = (file: FileRef) => () => Promise<Attachment>

/** What follows in the conversation waits for the file, so it is not tried for long. */
const TRIES = 3
const RETRY = { initialMs: SECOND, maxMs: 5 * SECOND }
const CANNOT_FETCH = "I couldn't get your file from Slack. Please send it again."

export interface LoaderOptions {
  readonly client: Pick<SlackClient, 'download'>
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  /** Aborted when the channel stops. */
  readonly signal: () => AbortSignal
}

/** @throws Refused with the sentence for the person (too large, cannot be had); TransientError when the channel stops meanwhile */
export function createFileLoader(options: LoaderOptions): FileLoader {
  return (file) => async () => {
    checkSize(file)
    const signal = options.signal()
    for (let attempt = 1; ; attempt++) {
      try {
        return await load(file, options.client, signal)
      } catch (error) {
        if (signal.aborted) throw new TransientError('the channel is stopping')
        if (!(error instanceof SlackFailure)) throw error
        const hint = error.needed === null ? '' : `; does the app have the scope ${error.needed}?`
        options.log.warn({ channel: 'slack', attempt }, `a file could not be loaded: ${error.message}${hint}`)
        const lasting = error.kind === 'gone' || error.kind === 'scope' || error.kind === 'token'
        if (attempt >= TRIES || lasting) throw new Refused(CANNOT_FETCH)
        const waitMs = error.retryAfterMs ?? backoffDelay(attempt, RETRY, options.random())
        await sleep(options.clock, Math.min(waitMs, RETRY.maxMs), signal).catch(() => {})
      }
    }
  }
}

async function load(
  file: FileRef,
  client: LoaderOptions['client'],
  signal: AbortSignal,
): Promise<Attachment> {
  const bytes = await client.download(file.address, file.maxBytes, signal)
  if (bytes === null) throw new Refused(file.tooLarge)
  if (file.mediaType === 'text/plain') return { mediaType: file.mediaType, name: file.name, bytes }
  // What the sender's program says of a picture is often wrong, and the model looks at the bytes.
  const mediaType = sniff(bytes)
  if (mediaType === null) throw new Refused(UNREADABLE_FILE)
  return { mediaType, name: file.name, bytes }
}
