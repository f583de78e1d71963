import type { Inbox } from '../../inbox/inbox.ts'
import type { Attachment, AttachmentInfo, StoredMessage } from '../../inbox/message.ts'
import { BEGINNING, MAX_ATTACHMENT_BYTES } from './history.ts'

export interface Loaded {
  readonly attachments: readonly Attachment[]
  /** Files left out: too old, too many, or no longer kept. */
  readonly missing: readonly string[]
}

/** What of the attachments of a turn and of those before it is sent. */
export class TurnFiles {
  /** Some of the attachments up to this answer are not in the store any more. */
  goneUpTo = BEGINNING
  readonly #loaded = new Map<number, Loaded>()

  /** @returns false = not all of them are there */
  async load({ seq, attachments }: StoredMessage, loader: AttachmentLoader): Promise<boolean> {
    const loaded = await loader.load(attachments)
    this.#loaded.set(seq, loaded)
    return loaded.missing.length === 0
  }

  /** Those that were not loaded are only named. */
  of({ seq, attachments }: StoredMessage): Loaded {
    return this.#loaded.get(seq) ?? { attachments: [], missing: attachments.map(({ name }) => name) }
  }
}

export class AttachmentLoader {
  readonly #inbox: Pick<Inbox, 'attachment'>
  #room = MAX_ATTACHMENT_BYTES

  constructor(inbox: Pick<Inbox, 'attachment'>) {
    this.#inbox = inbox
  }

  async load(infos: readonly AttachmentInfo[]): Promise<Loaded> {
    const attachments: Attachment[] = []
    const missing: string[] = []
    for (const info of infos) {
      const attachment = info.size <= this.#room ? await this.#inbox.attachment(info.id) : null
      if (!attachment) {
        missing.push(info.name)
        continue
      }
      this.#room -= info.size
      attachments.push(attachment)
    }
    return { attachments, missing }
  }
}

/** A text without missing files stays verbatim. */
export function withNames(text: string, { missing }: Loaded): string {
  if (missing.length === 0) return text
  return [text, ...missing.map((name) => `[attachment that is not shown: ${name}]`)]
    .filter((line) => line !== '')
    .join('\n')
}
