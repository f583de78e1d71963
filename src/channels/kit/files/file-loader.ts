import type { Attachment } from '../../../inbox/message.ts'
import { backoffDelay } from '../../../support/backoff.ts'
import { SECOND, sleep, type Clock } from '../../../support/clock.ts'
import { Refused, TransientError } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import { PlatformFailure } from '../failure.ts'
import { checkSize, readFile, type ReadableFile } from './readable-file.ts'

/** Makes the loader of a file: nothing is fetched before it is called. */
export type FileLoader<File> = (file: File) => () => Promise<Attachment>

/** What is the same for all files of a channel. */
export interface LoaderOptions {
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  /** Aborted when the channel stops. */
  readonly signal: () => AbortSignal
}

/** Where a platform keeps its files, and which of its failures last. */
export interface FileStore<File extends ReadableFile, Kind extends string> {
  readonly channel: string
  /** As it is written in the sentence for the person: "I couldn't get your file from …". */
  readonly name: string
  /** @returns null when there are more than `file.maxBytes` of them. @throws PlatformFailure */
  fetch(file: File, signal: AbortSignal): Promise<Uint8Array | null>
  /** Asking again would be answered in the same way. */
  isLasting(failure: PlatformFailure<Kind>): boolean
}

/** What follows in the conversation waits for the file, so it is not tried for long. */
const TRIES = 3
const RETRY = { initialMs: SECOND, maxMs: 5 * SECOND }
/** A server that keeps us waiting before it fails is not asked again. */
const RETRY_WITHIN_MS = 10 * SECOND

/** @throws Refused with the sentence for the person (too large, cannot be had); TransientError when the channel stops in the meantime */
export function fileLoader<File extends ReadableFile, Kind extends string = string>(
  store: FileStore<File, Kind>,
  options: LoaderOptions,
): FileLoader<File> {
  const { clock, log, random } = options
  return (file) => async () => {
    checkSize(file)
    const signal = options.signal()
    const began = clock.monotonic()
    for (let attempt = 1; ; attempt++) {
      try {
        return attachmentOf(file, await store.fetch(file, signal))
      } catch (error) {
        if (signal.aborted) throw new TransientError('the channel is stopping')
        if (!(error instanceof PlatformFailure)) throw error
        log.warn({ channel: store.channel, attempt }, `a file could not be loaded: ${error.message}`)
        const late = clock.monotonic() - began > RETRY_WITHIN_MS
        if (late || attempt >= TRIES || store.isLasting(error)) {
          throw new Refused(`I couldn't get your file from ${store.name}. Please send it again.`)
        }
        const waitMs = error.retryAfterMs ?? backoffDelay(attempt, RETRY, random())
        await sleep(clock, Math.min(waitMs, RETRY.maxMs), signal).catch(() => {})
      }
    }
  }
}

function attachmentOf({ mediaType, name, tooLarge }: ReadableFile, bytes: Uint8Array | null): Attachment {
  if (bytes === null) throw new Refused(tooLarge)
  return readFile({ mediaType, name, bytes })
}
