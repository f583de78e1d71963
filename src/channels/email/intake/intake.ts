import type { InboundEvent } from '../../../conversation/receiver.ts'
import type { Log } from '../../../support/log.ts'
import { aboutField } from '../../kit/intake/about-field.ts'
import { domainOf, type MailAddress } from '../mail-address.ts'
import type { MailSummary } from '../mailbox/mail-summary.ts'
import type { AnsweredMail } from '../mailbox/mailbox.ts'
import { formatTarget, ownMessageId, substituteId, threadOf, type MessageId } from '../send/thread.ts'
import { automaticMail } from '../trust/automatic-mail.ts'
import { LoopGuard } from '../trust/loop-guard.ts'
import { senderOf } from '../trust/sender.ts'
import { parseHeaders, type Headers } from './headers.ts'
import { parseMail } from './parse-mail.ts'

const MIB = 1024 * 1024
/** A PDF of 20 MB in the encoding of mail, and some text. */
const MAX_MAIL_BYTES = 30 * MIB
const TOO_LARGE = 'Your mail is larger than 30 MB. Please send me less at once.'
const TOO_MANY =
  'You have sent me more mails within an hour than I answer. I read on when there was an hour of quiet; please send what matters again then.'

export interface IntakeOptions {
  /** Our own address. */
  readonly address: MailAddress
  /** The server whose result on senders is believed. */
  readonly authservId: string
  readonly mayWrite: (from: MailAddress) => boolean
  /** Did the operator name this very address, rather than let everybody write? Default: no. */
  readonly isListed?: (from: MailAddress) => boolean
  /** Answers to one correspondent within an hour. */
  readonly mailsPerHour: number
  /** A mail was read that will be answered: what the answer needs of it. */
  readonly onTaken: (address: string, id: MessageId, answered: AnsweredMail) => void
  readonly log: Log
}

/**
 * Decides which mails are taken, by their header alone, and reads those. What is not taken is left as
 * it is, unread, for the people who read the mailbox; nobody is told, for an answer to a forged sender
 * would reach somebody else.
 */
export class Intake {
  readonly #options: IntakeOptions
  readonly #guard: LoopGuard

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#guard = new LoopGuard(options.mailsPerHour)
  }

  /** @returns null: it is not taken. Throws only what loading the mail throws */
  async read(mail: MailSummary): Promise<InboundEvent | null> {
    const { address: own, onTaken } = this.#options
    const headers = parseHeaders(mail.header)
    const from = headers && this.#admit(mail, headers)
    if (!headers || !from) return null
    const id = ownMessageId(headers) ?? substituteId(mail.header)
    const guardResult = this.#guard.check(from, id, mail.arrivedAt)
    if (guardResult === 'mute') return this.#left(mail, 'info', 'its sender writes too often')
    const common = {
      kind: 'message',
      address: formatTarget({ to: from, thread: threadOf(headers, id, domainOf(own)) }),
      platformMessageId: id,
      chat: { id: from, kind: 'private', addressed: true },
    } as const
    const refusal = guardResult === 'last' ? TOO_MANY : mail.size > MAX_MAIL_BYTES ? TOO_LARGE : null
    if (refusal !== null) {
      const person = { id: from, name: null }
      return { ...common, person, text: '', attachments: [], unsupported: refusal }
    }
    const source = await mail.source()
    if (source === null) return this.#left(mail, 'info', 'it is gone')
    const parsed = await parseMail(source, headers, own)
    onTaken(common.address, id, { subject: parsed.subject, references: headers.first('references') ?? '' })
    return {
      ...common,
      person: { id: from, name: parsed.name },
      text: parsed.text,
      attachments: parsed.files,
      unsupported: parsed.unsupported,
      forwarded: parsed.forwarded,
      ...aboutField({ quotes: [parsed.quotation] }),
    }
  }

  /** @returns who sent it; null: it is not taken */
  #admit(mail: MailSummary, headers: Headers): MailAddress | null {
    const { address: own, authservId, mayWrite, isListed } = this.#options
    const sender = senderOf(headers, authservId)
    const known = sender.address !== null && mayWrite(sender.address)
    // Of strangers' mail there may be a lot; that somebody's own mail is left is what an operator looks for.
    if (sender.kind === 'unproved') return this.#left(mail, known ? 'warn' : 'debug', sender.why)
    // Before anything else is read of it: a sender who may not write must cost no more than this.
    if (!known) return this.#left(mail, 'info', 'its sender may not write')
    const automatic = automaticMail(headers, sender.address, own, isListed?.(sender.address))
    if (automatic !== null) return this.#left(mail, 'debug', automatic)
    return sender.address
  }

  #left(mail: MailSummary, level: 'debug' | 'info' | 'warn', why: string): null {
    this.#options.log[level]({ channel: 'email', uid: mail.uid }, `a mail is left alone: ${why}`)
    return null
  }
}
