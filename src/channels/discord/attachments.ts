import type { Attachment } from '../../inbox/inbox.ts'
import { backoffDelay } from '../../support/backoff.ts'
import { SECOND, sleep, type Clock } from '../../support/clock.ts'
import { Refused, TransientError } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import { checkSize, UNREADABLE_FILE } from '../readable-file.ts'
import { sniff } from '../sniff.ts'
import type { DiscordClient } from './client.ts'
import { DiscordFailure } from './failure.ts'
import type { FileRef } from './media.ts'

/** Makes the loader of a file: nothing is fetched before it is called. */
export type FileLoader = (file: FileRef) => () => Promise<Attachment>

/** What follows in the chat waits for the file, so it is not tried for long. */
const TRIES = 3
const RETRY = { initialMs: SECOND, maxMs: 5 * SECOND }
const CANNOT_FETCH = "I couldn't get your file from Discord. Please send it again."

export interface LoaderOptions {
  readonly client: DiscordClient
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  /** Aborted when the channel stops. */
  readonly signal: () => AbortSignal
}

/**
 * Files are loaded before their message is stored, for their addresses expire.
 *
 * @throws Refused with the sentence for the person (too large, cannot be had); TransientError when the channel stops meanwhile
 */
export function createFileLoader(options: LoaderOptions): FileLoader {
  const { client, clock, log, random } = options
  return (file) => async () => {
    checkSize(file)
    const signal = options.signal()
    for (let attempt = 1; ; attempt++) {
      try {
        return await load(file, client, signal)
      } catch (error) {
        if (signal.aborted) throw new TransientError('the channel is stopping')
        if (!(error instanceof DiscordFailure)) throw error
        log.warn({ channel: 'discord', attempt }, `a file could not be loaded: ${error.message}`)
        if (attempt >= TRIES || error.kind === 'gone') throw new Refused(CANNOT_FETCH)
        const waitMs = error.retryAfterMs ?? backoffDelay(attempt, RETRY, random())
        await sleep(clock, Math.min(waitMs, RETRY.maxMs), signal).catch(() => {})
      }
    }
  }
}

async function load(file: FileRef, client: DiscordClient, signal: AbortSignal): Promise<Attachment> {
  const bytes = await client.download(file.url, file.maxBytes, signal)
  if (bytes === null) throw new Refused(file.tooLarge)
  if (file.mediaType === 'text/plain') return { mediaType: file.mediaType, name: file.name, bytes }
  // What the sender's program says of a picture is often wrong, and the model looks at the bytes.
  const mediaType = sniff(bytes)
  if (mediaType === null) throw new Refused(UNREADABLE_FILE)
  return { mediaType, name: file.name, bytes }
}
