import type { Person } from '../../conversation/receiver.ts'
import type { Accepted, MessageContext } from '../../inbox/arrival.ts'
import type { Attachment } from '../../inbox/message.ts'
import { Refused } from '../../support/errors.ts'
import { isTextFile, readFile } from '../kit/files/readable-file.ts'
import { SNIFF_BYTES, sniff } from '../kit/files/sniff.ts'
import { PullChannel } from '../kit/pull-channel.ts'

const UNREADABLE =
  'A picture or file is of a kind that the model cannot read: PNG, JPEG, GIF, WebP, PDF or text.'

/** A request as the HTTP side hands it over, its sender already known. */
export interface ProgramRequest {
  readonly address: string
  readonly requestId: string
  readonly person: Person
  readonly text: string
  /** Their types are found out from the content. */
  readonly attachments: readonly Attachment[]
  readonly context: MessageContext
}

/**
 * Clients of the OpenAI-compatible API, as a chat platform: each request is a conversation of its
 * own with one message, which brings along what was said before. The client reads the store
 * through the open request.
 */
export class OpenAiChannel extends PullChannel {
  readonly channel = 'openai'

  /**
   * Resolves after the durable commit. A second post of the same request gives the first one's result.
   *
   * @throws StoreError when nothing was stored; Refused with the sentence for the client
   */
  post(request: ProgramRequest): Promise<Accepted> {
    const { address, requestId, person, text, attachments, context } = request
    return this.receive({
      kind: 'message',
      address,
      platformMessageId: requestId,
      person,
      chat: { id: address, kind: 'private', addressed: true },
      text,
      attachments: attachments.map((attachment) => async () => withTrueType(attachment)),
      unsupported: null,
      // What a front end passes on is data: `/new` in it is a word to the model.
      forwarded: true,
      context,
    })
  }

  /**
   * Nobody waits for the answer any more: a request that was not begun is withdrawn, and the answer
   * that is being written is stopped.
   */
  async giveUp(address: string, requestId: string, person: Person): Promise<void> {
    if (await this.withdraw(address, requestId)) return
    await this.receive({
      kind: 'message',
      address,
      platformMessageId: `${requestId}/stop`,
      person,
      chat: { id: address, kind: 'private', addressed: true },
      text: '/stop',
      attachments: [],
      unsupported: null,
    })
  }

  /** Withdraws a request whose answer has not begun. @returns false: it has begun or is over */
  async withdraw(address: string, requestId: string): Promise<boolean> {
    const { state } = await this.receive({ kind: 'deletion', address, platformMessageId: requestId })
    return state === 'withdrawn'
  }
}

/** A declared type can say anything; text has no mark of its own, so for it the type and the name count. */
function withTrueType(attachment: Attachment): Attachment {
  const { mediaType: declared, name, bytes } = attachment
  const mediaType =
    sniff(bytes.subarray(0, SNIFF_BYTES)) ?? (isTextFile(declared, name) ? 'text/plain' : null)
  if (mediaType === null) throw new Refused(UNREADABLE)
  return readFile({ ...attachment, mediaType })
}
