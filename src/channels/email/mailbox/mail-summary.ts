import type { FetchMessageObject, ImapFlow } from 'imapflow'

/** A mail in the folder, before anything of its body was loaded. */
export interface MailSummary {
  readonly uid: number
  readonly header: Uint8Array
  /** Bytes of the whole mail. */
  readonly size: number
  /** When the server got it, in epoch milliseconds. */
  readonly arrivedAt: number
  /** When it says to have been written; null = it does not. */
  readonly writtenAt: number | null
  /** Loads the whole mail; null = it was deleted in the meantime. @throws what the connection throws */
  source(): Promise<Uint8Array | null>
}

/** What is asked for of each mail first. */
export const SUMMARY = { uid: true, size: true, internalDate: true, envelope: true, headers: true } as const

/**
 * Of a mail, asked for at once. Every piece costs a round trip in which all later mail waits; the library's
 * own 64 KiB make dozens of a picture. In memory the mail is whole anyway.
 */
const PIECE_BYTES = 4 * 1024 * 1024

export function summaryOf(mail: FetchMessageObject, client: ImapFlow): MailSummary {
  const written = new Date(mail.envelope?.date ?? Number.NaN).getTime()
  return {
    uid: mail.uid,
    header: mail.headers ?? new Uint8Array(),
    size: mail.size ?? 0,
    arrivedAt: new Date(mail.internalDate ?? 0).getTime(),
    writtenAt: Number.isNaN(written) ? null : written,
    async source() {
      const { content } = await client.download(String(mail.uid), undefined, {
        uid: true,
        chunkSize: PIECE_BYTES,
      })
      if (!content) return null
      const chunks: Uint8Array[] = []
      for await (const chunk of content) chunks.push(chunk as Uint8Array)
      return Buffer.concat(chunks)
    },
  }
}
