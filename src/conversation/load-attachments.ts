import type { Texts } from '../config/texts.ts'
import type { Attachment } from '../inbox/message.ts'
import { Refused, TransientError } from '../support/errors.ts'
import type { Log } from '../support/log.ts'

/** What the model accepts. */
const READABLE_TYPES: ReadonlySet<string> = new Set([
  'image/jpeg',
  'image/png',
  'image/gif',
  'image/webp',
  'application/pdf',
  'text/plain',
])

/**
 * Loads the attachments of a message of somebody with access.
 *
 * @returns the sentence for the person where one cannot be loaded
 * @throws TransientError while the channel is stopping: the platform keeps the message and delivers it again
 */
export async function loadAttachments(
  loaders: ReadonlyArray<() => Promise<Attachment>>,
  { texts, log }: { readonly texts: Texts; readonly log: Log },
): Promise<readonly Attachment[] | string> {
  const attachments: Attachment[] = []
  for (const load of loaders) {
    try {
      const attachment = await load()
      if (!READABLE_TYPES.has(attachment.mediaType)) return texts.refused_attachment
      attachments.push(attachment)
    } catch (error) {
      if (error instanceof Refused) return error.message
      if (error instanceof TransientError) throw error
      log.warn({ err: error }, 'an attachment could not be loaded')
      return texts.attachment_failed
    }
  }
  return attachments
}
