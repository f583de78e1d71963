import { boundAbout, MAX_QUOTED, type HeardLine } from '../inbox/about.ts'
import type { IncomingMessage } from '../inbox/arrival.ts'
import type { Attachment } from '../inbox/message.ts'
import { isBlank, printableName } from '../support/text/printable.ts'
import type { InboundEvent } from './receiver.ts'

type Message = Extract<InboundEvent, { kind: 'message' }>

/** What else goes with a message. */
export interface Brought {
  readonly attachments: readonly Attachment[]
  /** Lines of the group that the model has not seen. */
  readonly heard: readonly HeardLine[]
  /** The zone in which people are given times; null = none are given. */
  readonly zone: string | null
}

/** A message as it is stored, its words verbatim but for half a character, which no store keeps as it is. */
export function incomingMessage(
  channel: string,
  item: Message,
  { attachments, heard, zone }: Brought,
): IncomingMessage {
  const { address, platformMessageId, person, text, chat, context, about, piece } = item
  const group = chat.kind === 'group' ? { group: { name: printableName(chat.name ?? null) } } : {}
  return {
    channel,
    address,
    platformMessageId,
    personId: person.id,
    personName: printableName(person.name)?.toWellFormed() ?? null,
    text: text.toWellFormed(),
    attachments: [...attachments, ...longForwards(item)],
    addressed: chat.addressed,
    ...(item.alone || item.vouched ? { alone: true } : {}),
    ...(piece ? { piece } : {}),
    // A program that keeps the conversation itself says what the model is to know.
    ...(context
      ? { context }
      : { about: boundAbout({ ...about, ...group, heard, ...(zone === null ? {} : { zone }) }) }),
  }
}

/** Of what is passed on the quotation holds the beginning; where there is more, all of it goes along as a file. */
function longForwards({ about }: Message): readonly Attachment[] {
  const long = (about?.quotes ?? []).filter(
    ({ kind, text }) => kind === 'forward' && text.length > MAX_QUOTED,
  )
  return long.map(({ text }) => ({
    mediaType: 'text/plain',
    name: 'forwarded-message.txt',
    bytes: new TextEncoder().encode(text.toWellFormed()),
  }))
}

/** What a message says to others in a group, on its own; null = nothing that can be told in words. */
export function heardLine(item: Message): HeardLine | null {
  const { person, text, attachments, about } = item
  const forwarded = about?.quotes?.find(({ kind }) => kind === 'forward')?.text ?? ''
  const words =
    [text, forwarded].find((part) => !isBlank(part)) ?? (attachments.length > 0 ? '(a file)' : null)
  return words === null ? null : { person: person.id, from: printableName(person.name), text: words }
}

/** Everything of a message in which a secret may stand: its words, what is passed on, addresses behind words. */
export function allWordsOf({ text, about = {} }: Pick<Message, 'text' | 'about'>): string {
  const { quotes = [], links = [] } = about
  const forwards = quotes.filter(({ kind }) => kind === 'forward')
  const parts = [text, ...forwards.map((forward) => forward.text), ...links.map(({ address }) => address)]
  return parts.filter((part) => part !== '').join('\n')
}
