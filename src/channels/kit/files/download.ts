import { MINUTE } from '../../../support/clock.ts'

/** A file of the greatest size over a slow line. */
export const DOWNLOAD_TIMEOUT_MS = MINUTE

/** More than any answer of a platform's API holds: a hundred messages at their longest, ten times over. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024

/** Releases an answer whose body nobody reads: its connection would stay busy with it. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel()
}

/**
 * Reads the body of an answer, no further than the limit.
 *
 * @returns null when there are more than `maxBytes` of it
 */
export async function download(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.byteLength
    if (size > maxBytes) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
