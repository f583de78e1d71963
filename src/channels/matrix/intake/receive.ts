import type { Chat, InboundEvent, Unread } from '../../../conversation/receiver.ts'
import type { Link, Quotation } from '../../../inbox/about.ts'
import { TransientError } from '../../../support/errors.ts'
import { aboutField, linksField } from '../../kit/intake/about-field.ts'
import { formatAddress } from '../address.ts'
import { recordOf, textOf, type MatrixEvent } from '../api/events.ts'
import { MatrixFailure } from '../api/failure.ts'
import { threadRootOf, type Pointed, type Room } from '../rooms/rooms.ts'
import { isPlainCommand, mentions, normalisedText, repliedTo, withoutFallback } from './addressed.ts'
import { linksBehind, withLinks } from './links.ts'
import type { FileLoader, FileRef } from './media.ts'
import { captionOf, locationIn, mediaOf, POLL, STICKER } from './media.ts'

export const ENCRYPTED_ROOM =
  "This room is encrypted end to end, and I can't read encrypted messages. Please write to me in a room without encryption."
/** Under one id for all of a room's encrypted messages the store says the sentence once, however often it comes. */
const ENCRYPTED_ID = 'encrypted'

export interface MappingContext {
  readonly roomId: string
  readonly userId: string
  readonly room: Room
  readonly load: FileLoader
  /** The message that another one points to. @throws MatrixFailure */
  readonly pointed: (eventId: string) => Promise<Pointed | null>
  /** The whole message that another one answers; without it, nothing is quoted. @throws MatrixFailure */
  readonly event?: (eventId: string) => Promise<MatrixEvent | null>
  /** What is remembered of a message, without asking. */
  readonly recall: (eventId: string) => Pointed | null
}

/** Event types that are answered with a sentence that they cannot be read. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  'm.sticker': STICKER,
  'm.poll.start': POLL,
  'org.matrix.msc3381.poll.start': POLL,
}

/**
 * What one event of a room's timeline delivers: nothing for the bot's own, for notices (other bots
 * write them) and for whatever is not known. Files are only named, not loaded.
 *
 * @throws MatrixFailure when the server has to be asked and cannot be
 */
export async function mapEvent(event: MatrixEvent, context: MappingContext): Promise<InboundEvent | null> {
  if (event.sender === context.userId) return null
  if (event.type === 'm.room.redaction') return mapRedaction(event, context)
  if (event.type === 'm.room.encrypted' || isEncryptionOn(event)) return encryptedRoom(event.sender, context)
  const unsupported = UNSUPPORTED[event.type] ?? null
  if (unsupported === null && event.type !== 'm.room.message') return null
  const relation = recordOf(event.content['m.relates_to'])
  if (relation['rel_type'] === 'm.replace') return mapEdit(event, textOf(relation, 'event_id'), context)
  // A deleted message has lost its content.
  if (unsupported === null && !isAnswerable(event.content)) return null
  const media = mediaOf(event)
  const body = media.kind === 'file' ? captionOf(event.content) : wordsOf(event.content)
  const chat = await chatOf(event, event.content, body, context)
  const replied = chat.addressed ? await repliedIn(event, context) : null
  const files = [replied?.file ?? null, media.kind === 'file' ? media.file : null]
  const location = locationIn(event)
  return {
    kind: 'message',
    address: formatAddress(context.roomId, threadRootOf(event)),
    platformMessageId: event.event_id,
    person: personOf(event.sender, context),
    chat,
    // The body of a place is what its program makes of it.
    text: location ? '' : normalisedText(body, botIn(context)),
    ...aboutField({ quotes: [replied?.quotation ?? null], location, links: linksOf(body, event.content) }),
    attachments: files.filter((file) => file !== null).map(context.load),
    unsupported: unsupported ?? (media.kind === 'unsupported' ? media.sentence : null),
  }
}

/** What somebody has written, before it is read; null: nobody has written anything to be answered. */
export function outlineEvent(event: MatrixEvent, context: MappingContext): Unread | null {
  const { sender, type, content } = event
  if (sender === context.userId || (type !== 'm.room.message' && !(type in UNSUPPORTED))) return null
  const isEdit = recordOf(content['m.relates_to'])['rel_type'] === 'm.replace'
  if (type === 'm.room.message' && !isAnswerable(isEdit ? recordOf(content['m.new_content']) : content))
    return null
  const { roomId, room } = context
  return {
    kind: 'unread',
    address: formatAddress(roomId, threadRootOf(event)),
    platformMessageId: event.event_id,
    person: personOf(sender, context),
    chat: { id: roomId, kind: room.private ? 'private' : 'group' },
    isEdit,
    raw: () => textOf(content, 'body') ?? '',
    read: () =>
      mapEvent(event, context).catch((error: unknown) => {
        // The homeserver has to be asked again, and so it is with all that came.
        throw error instanceof MatrixFailure ? new TransientError(error.message) : error
      }),
  }
}

/** What somebody is told, once a room, who has encrypted it or invited the bot to an encrypted one. */
export function encryptedRoom(sender: string, context: MappingContext): InboundEvent {
  return {
    kind: 'message',
    address: context.roomId,
    platformMessageId: ENCRYPTED_ID,
    person: personOf(sender, context),
    // Whether the bot was meant cannot be read either, and the sentence comes only once.
    chat: { id: context.roomId, kind: context.room.private ? 'private' : 'group', addressed: true },
    text: '',
    attachments: [],
    unsupported: ENCRYPTED_ROOM,
  }
}

/** Is this only the notice that a room is encrypted? */
export function isEncryptedRoom(item: InboundEvent): boolean {
  return item.kind === 'message' && item.platformMessageId === ENCRYPTED_ID
}

export function isEncryptionOn(event: MatrixEvent): boolean {
  return event.type === 'm.room.encryption' && textOf(event.content, 'algorithm') !== null
}

/** Only who wrote a message may change it, whatever a server lets through. */
async function mapEdit(
  event: MatrixEvent,
  originalId: string | null,
  context: MappingContext,
): Promise<InboundEvent | null> {
  const content = recordOf(event.content['m.new_content'])
  if (originalId === null || !isAnswerable(content)) return null
  const original = await context.pointed(originalId)
  if (original?.sender !== event.sender) return null
  const body = 'filename' in content ? captionOf(content) : wordsOf(content)
  if (body === '') return null
  const chat = await chatOf(event, content, body, context)
  return {
    kind: 'edit',
    address: formatAddress(context.roomId, original.threadRoot),
    platformMessageId: originalId,
    person: personOf(event.sender, context),
    chat,
    text: normalisedText(body, botIn(context)),
    ...linksField(linksOf(body, content)),
  }
}

function linksOf(body: string, content: Readonly<Record<string, unknown>>): readonly Link[] {
  return linksBehind(body, textOf(content, 'formatted_body') ?? '')
}

interface Replied {
  readonly quotation: Quotation
  readonly file: FileRef | null
}

/** What a person points to by answering it; null: nothing. An answer of the bot itself is in the history. */
async function repliedIn(event: MatrixEvent, context: MappingContext): Promise<Replied | null> {
  const id = repliedTo(event)
  if (id === null || context.recall(id)?.sender === context.userId) return null
  const replied = (await context.event?.(id)) ?? null
  if (!replied || replied.sender === context.userId || !isAnswerable(replied.content)) return null
  const media = mediaOf(replied)
  const file = media.kind === 'file' ? media.file : null
  const body = file ? captionOf(replied.content) : wordsOf(replied.content)
  const text = withLinks(body, textOf(replied.content, 'formatted_body') ?? '')
  const from = context.room.names.get(replied.sender) ?? replied.sender
  return { quotation: { kind: 'reply', from, text }, file }
}

/** A deleted message does not tell any more which thread it was in: what is remembered has to do. */
function mapRedaction(event: MatrixEvent, context: MappingContext): InboundEvent | null {
  const id = event.redacts ?? event.content['redacts']
  if (typeof id !== 'string') return null
  const threadRoot = context.recall(id)?.threadRoot ?? null
  return {
    kind: 'deletion',
    address: formatAddress(context.roomId, threadRoot),
    platformMessageId: id,
  }
}

async function chatOf(
  event: MatrixEvent,
  content: Readonly<Record<string, unknown>>,
  body: string,
  context: MappingContext,
): Promise<Chat> {
  const { roomId, room } = context
  if (room.private) return { id: roomId, kind: 'private', addressed: true }
  const addressed =
    mentions(content, botIn(context)) || isPlainCommand(body) || (await answersBot(event, context))
  return { id: roomId, kind: 'group', ...(room.name ? { name: room.name } : {}), addressed }
}

/** A reply to a message of the bot, or anything in a thread that hangs on one. */
async function answersBot(event: MatrixEvent, context: MappingContext): Promise<boolean> {
  for (const id of [repliedTo(event), threadRootOf(event)]) {
    if (id !== null && (await context.pointed(id))?.sender === context.userId) return true
  }
  return false
}

function botIn({ userId, room }: MappingContext): { readonly userId: string; readonly name: string | null } {
  return { userId, name: room.ownName }
}

function personOf(
  id: string,
  { room }: MappingContext,
): { readonly id: string; readonly name: string | null } {
  return { id, name: room.names.get(id) ?? null }
}

/**
 * What people write. All else is between programs: bots answer in notices so that bots do not answer
 * them, servers give notices, and clients ask each other to verify.
 *
 * @see https://spec.matrix.org/latest/client-server-api/#mroommessage-msgtypes
 */
const WRITTEN: ReadonlySet<string | null> = new Set([
  'm.text',
  'm.emote',
  'm.image',
  'm.file',
  'm.audio',
  'm.video',
  'm.location',
])

function isAnswerable(content: Readonly<Record<string, unknown>>): boolean {
  return WRITTEN.has(textOf(content, 'msgtype'))
}

function wordsOf(content: Readonly<Record<string, unknown>>): string {
  const body = textOf(content, 'body') ?? ''
  const replies = 'm.in_reply_to' in recordOf(content['m.relates_to'])
  return replies ? withoutFallback(body) : body
}
