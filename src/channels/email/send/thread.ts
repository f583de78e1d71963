import { createHash } from 'node:crypto'
import type { Headers } from '../intake/headers.ts'
import { domainOf, normalAddress, type MailAddress } from '../mail-address.ts'

/** A Message-ID with its angle brackets. */
export type MessageId = string

/** Where an answer goes: a person, and the thread it belongs to. Written `anna@example.org <thread>`. */
export interface Target {
  readonly to: MailAddress
  /** Null: a mail of its own that answers nothing, such as an alert. */
  readonly thread: string | null
}

/** More than any program writes; longer ones are not worth being carried through every answer. */
const MESSAGE_ID = /<[!-;=?-~]{3,250}>/g
/** 80 bits: two threads of one person never meet by chance. */
const THREAD_HEX = 20
const KEY_HEX = 20
const OWN_ID = new RegExp(`^<hermes\\.[0-9a-f]{${KEY_HEX}}\\.([0-9a-f]{${THREAD_HEX}})@([^>]+)>$`)
const ADDRESS = new RegExp(`^(\\S+?)(?: <([0-9a-f]{${THREAD_HEX}})>)?$`)

export function formatTarget(target: Target): string {
  return target.thread === null ? target.to : `${target.to} <${target.thread}>`
}

/** Null: not an address of this channel. */
export function parseTarget(address: string): Target | null {
  const match = ADDRESS.exec(address)
  const to = match && normalAddress(match[1]!)
  return to ? { to, thread: match[2] ?? null } : null
}

/** The Message-IDs in a field, in their order; whatever else is there is passed over. */
export function messageIds(field: string | null): readonly MessageId[] {
  return field?.match(MESSAGE_ID) ?? []
}

/** The mail's own id; null: it has none that can be used. */
export function ownMessageId(headers: Headers): MessageId | null {
  const fields = headers.all('message-id')
  const ids = fields.length === 1 ? messageIds(fields[0]!) : []
  return ids.length === 1 ? ids[0]! : null
}

/**
 * The thread that a mail belongs to, by its header alone, so that every restart and every machine
 * comes to the same: whatever answers a mail of ours goes where that one went, for our ids carry
 * their thread; else the first mail of the thread names it.
 *
 * @param id the mail's own id, or its substitute
 * @param domain ours: only ids of that domain are our own
 */
export function threadOf(headers: Headers, id: MessageId, domain: string): string {
  const references = messageIds(headers.first('references'))
  const parents = messageIds(headers.first('in-reply-to'))
  for (const candidate of [...parents, ...references.toReversed()]) {
    const thread = threadOfOwn(candidate, domain)
    if (thread !== null) return thread
  }
  return digest(references[0] ?? parents[0] ?? id, THREAD_HEX)
}

/** The thread of a mail that we sent; null: we did not send it. */
export function threadOfOwn(id: MessageId, domain: string): string | null {
  const match = OWN_ID.exec(id)
  return match?.[2]!.toLowerCase() === domain ? match[1]! : null
}

/** The id of a mail of ours: the same for each try of the same part, so that a repeat can be recognised. */
export function answerId(key: string, target: Target, from: MailAddress): MessageId {
  const thread = target.thread ?? digest(key, THREAD_HEX)
  return `<hermes.${digest(`${key}\n${formatTarget(target)}`, KEY_HEX)}.${thread}@${domainOf(from)}>`
}

/** The substitute for a Message-ID where a mail has none: the same whenever the same mail is read. */
export function substituteId(header: Uint8Array): MessageId {
  return `<${createHash('sha256').update(header).digest('hex')}@no-message-id.invalid>`
}

function digest(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits)
}
