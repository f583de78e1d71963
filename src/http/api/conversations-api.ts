import { randomUUID } from 'node:crypto'
import { isoTime } from '../../support/clock.ts'
import { limitConcurrency } from '../../support/limit-concurrency.ts'
import { HEAVY_BYTES, ownTurn } from '../../support/own-turn.ts'
import { isBlank } from '../../support/text/printable.ts'
import type { Principal } from '../access/auth.ts'
import { badRequest, HttpProblem, json, notFound, type RequestContext } from '../answers.ts'
import { MAX_MESSAGE_BODY, MAX_TEXT_BYTES, MAX_UPLOAD_BYTES, readJson, streamBody } from '../body.ts'
import { holdOutgoing } from '../outgoing-bytes.ts'
import type { Routes } from '../routes.ts'
import {
  PRINCIPAL_HEADER,
  type AttachmentInfo,
  type ConversationEntry,
  type List,
  type MessagePage,
  type MessageReceipt,
  type PostMessage,
} from '../wire.ts'
import { toItem } from './items.ts'
import { readPage } from './message-page.ts'
import type { ApiServices, PostedMessage } from './services.ts'

/** The characters of a conversation's name, which appears in URLs, file names and logs. No slash: it ends a principal's folder. */
const CONVERSATION = /^[A-Za-z0-9._~:@-]{1,128}$/
/** A client's own name for a message; printable, so that it can be searched for. */
const MESSAGE_ID = /^[\x21-\x7e]{1,128}$/
const ATTACHMENT_ID = /^[A-Za-z0-9_-]{1,64}$/

/** More than a person attaches to one message; fewer than would fill a request to the model. */
const MAX_ATTACHMENTS = 10
/** Large enough for a whole conversation in practice. */
const DEFAULT_PAGE = 5_000
const MAX_PAGE = 10_000
const MAX_CONVERSATIONS = 200
/** The store answers what is asked at the same time in one piece, whose rows arrive in one turn of the event loop. */
const PAGES_AT_ONCE = 4

/** Kinds that are safe to show in the page itself; all others are downloads. */
const SHOWN = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp'])

/** Routes for messages, of the page and every other client of the API. */
export function addConversationRoutes(routes: Routes, services: ApiServices): void {
  const { chat, conversations, uploads } = services
  // Loaded and then counted, so that no number of requests fills the memory.
  const loadAttachment = limitConcurrency(1)
  const readInTurn = limitConcurrency(PAGES_AT_ONCE)
  const takesMessages = () => {
    if (!chat.enabled)
      throw new HttpProblem(404, 'channel-off', 'The web chat is switched off: channels.web.enabled.')
  }

  routes.guarded('chat', 'GET', '/api/conversations', async (_c, { folder }) => {
    const list = await conversations.list(chat.channel, folder, MAX_CONVERSATIONS)
    const items = list.map((entry) => ({
      id: entry.conversation.address.slice(folder.length),
      lastAt: isoTime(entry.lastAt),
      preview: entry.preview,
    }))
    return json<List<ConversationEntry>>(200, { items })
  })

  routes.guarded('chat', 'GET', '/api/conversations/:id/messages', async (c, principal) => {
    const conversationId = chat.conversationId(addressOf(c, principal))
    const limit = Math.min(MAX_PAGE, wholeNumber(c, 'limit') ?? DEFAULT_PAGE)
    const beforeSeq = wholeNumber(c, 'before')
    const { rows, bytes, hasEarlier } = await readInTurn(async () => {
      const page = await readPage(conversations, conversationId, { limit, beforeSeq })
      holdOutgoing(c, page.bytes)
      return page
    })
    if (bytes > HEAVY_BYTES) await ownTurn()
    return json<MessagePage>(200, {
      items: rows.map(toItem),
      hasEarlier,
      // Where the event stream continues after this list.
      revision: rows.reduce((newest, row) => Math.max(newest, row.revision), 0),
    })
  })

  routes.guarded('chat', 'POST', '/api/conversations/:id/messages', async (c, principal) => {
    takesMessages()
    requireSamePrincipal(c, principal)
    const address = addressOf(c, principal)
    const body = await readJson<PostMessage>(c, MAX_MESSAGE_BODY)
    return await accept(services, messageOf(body, address, principal, services))
  })

  routes.guarded('chat', 'POST', '/api/conversations/:id/stop', async (c, principal) => {
    takesMessages()
    return await accept(services, {
      address: addressOf(c, principal),
      messageId: randomUUID(),
      person: principal.person,
      text: '/stop',
      attachments: [],
      alone: !principal.isPage,
    })
  })

  routes.guarded('chat', 'POST', '/api/conversations/:id/attachments', async (c, principal) => {
    takesMessages()
    requireSamePrincipal(c, principal)
    const address = addressOf(c, principal)
    const name = fileName(c.req.query('name'))
    return json<AttachmentInfo>(
      201,
      await uploads.save({ address, person: principal.person.id, name }, streamBody(c, MAX_UPLOAD_BYTES)),
    )
  })

  routes.guarded('chat', 'GET', '/api/conversations/:id/attachments/:attachment', async (c, principal) => {
    const conversationId = chat.conversationId(addressOf(c, principal))
    const id = c.req.param('attachment') ?? ''
    if (!ATTACHMENT_ID.test(id)) throw notFound()
    const found = await loadAttachment(async () => {
      const attachment = await services.attachment(id, conversationId)
      if (attachment) holdOutgoing(c, attachment.bytes.length)
      return attachment
    })
    if (!found) throw notFound()
    const shown = SHOWN.has(found.mediaType)
    return new Response(new Uint8Array(found.bytes), {
      headers: {
        'Content-Type': shown ? found.mediaType : 'application/octet-stream',
        'Content-Disposition': `${shown ? 'inline' : 'attachment'}; filename*=UTF-8''${encodeURIComponent(found.name.toWellFormed())}`,
        'Cache-Control': 'private, max-age=86400, immutable',
        'X-Content-Type-Options': 'nosniff',
        'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
        'Cross-Origin-Resource-Policy': 'same-origin',
      },
    })
  })
}

/** What somebody wrote is never stored as somebody else's. @throws HttpProblem 409 */
function requireSamePrincipal(c: RequestContext, { identity }: Principal): void {
  const writer = c.req.header(PRINCIPAL_HEADER)
  if (writer !== undefined && writer !== identity)
    throw new HttpProblem(409, 'other-principal', 'This was written under another sign-in of this page.')
}

/** The client's name of the conversation. @throws HttpProblem 400 */
export function conversationOf(c: RequestContext): string {
  const address = c.req.param('id') ?? ''
  if (!isConversation(address))
    throw badRequest('A conversation’s id is 1 to 128 letters, digits and the signs . _ ~ : @ -')
  return address
}

/** Where the conversation is stored that the request names: each principal has its own. @throws HttpProblem 400 */
function addressOf(c: RequestContext, { folder }: Principal): string {
  return folder + conversationOf(c)
}

export function isConversation(address: string): boolean {
  return CONVERSATION.test(address)
}

async function accept(services: ApiServices, message: PostedMessage): Promise<Response> {
  const accepted = await services.chat.post(message)
  if (accepted.holdFull)
    throw new HttpProblem(
      429,
      'hold-full',
      'No more messages can be saved in this conversation right now. Please send this one again later.',
      { 'Retry-After': '60' },
    )
  // A message that must not be stored (a pasted sign-in code) has no id.
  return json<MessageReceipt>(202, { id: accepted.messageId, state: accepted.state ?? 'refused' })
}

function messageOf(
  body: { readonly [Member in keyof PostMessage]?: unknown },
  address: string,
  principal: Principal,
  { uploads }: ApiServices,
): PostedMessage {
  const { text = '', messageId = randomUUID(), attachments = [] } = body
  if (typeof text !== 'string' || !text.isWellFormed()) throw badRequest('`text` must be a string.')
  if (typeof messageId !== 'string' || !MESSAGE_ID.test(messageId))
    throw badRequest('`messageId` must be 1 to 128 printable ASCII characters.')
  if (!Array.isArray(attachments) || !attachments.every(isAttachmentId))
    throw badRequest('`attachments` must be a list of ids.')
  if (attachments.length > MAX_ATTACHMENTS)
    throw badRequest(`A message can have ${MAX_ATTACHMENTS} attachments at most.`)
  if (isBlank(text) && attachments.length === 0) throw badRequest('`text` is empty.')
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES)
    throw new HttpProblem(413, 'too-large', `A message is at most ${MAX_TEXT_BYTES} bytes long.`)
  return {
    address,
    messageId,
    person: principal.person,
    text,
    attachments: attachments.map((id) => () => uploads.load(address, id)),
    alone: !principal.isPage,
  }
}

function isAttachmentId(value: unknown): value is string {
  return typeof value === 'string' && ATTACHMENT_ID.test(value)
}

/** A numeric query parameter; absent: null. @throws HttpProblem 400 */
export function wholeNumber(c: RequestContext, name: string): number | null {
  const text = c.req.query(name)
  if (text === undefined) return null
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`\`${name}\` must be a whole number.`)
  return Number(text)
}

const MAX_FILE_NAME = 120

/** A file's name, safe to display: no path, no control characters, no direction marks. */
function fileName(given: string | undefined): string {
  const name = (given ?? '')
    .toWellFormed()
    .replace(/^.*[/\\]/, '')
    .replace(/[\p{Cc}\p{Cf}]/gu, '')
    .trim()
  return [...name].slice(0, MAX_FILE_NAME).join('') || 'attachment'
}
