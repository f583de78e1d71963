import { looksLikeSignInPaste } from '../support/text/token-shape.ts'

/** What is known of a message besides its words: stored with it once, and never changed after the model has read it. */
export interface MessageAbout extends PlatformAbout {
  /** The IANA name of the zone in which its time is given; left out: no time is given. */
  readonly zone?: string
  /** It was written in a group; `name` null = the platform does not say what the group is called. */
  readonly group?: { readonly name: string | null }
  /** What others said in the group since the last answer, oldest first. */
  readonly heard?: readonly HeardLine[]
  /** Of an answer: the provider's id of the response that it ends with. */
  readonly responseId?: string
}

/** The part of it that a platform delivers. */
export interface PlatformAbout {
  readonly quotes?: readonly Quotation[]
  readonly links?: readonly Link[]
  readonly location?: Location
  readonly contact?: Contact
}

/** Somebody's words that a person points to. */
export interface Quotation {
  /** The person answers it, answers only this part of it, or passes it on. */
  readonly kind: 'reply' | 'part' | 'forward'
  /** Who wrote it, as others call them; null = nobody knows. */
  readonly from: string | null
  /** Empty: it has no words, such as a picture. */
  readonly text: string
}

/** Words of the message behind which an address stands that only the platform's own form shows. */
export interface Link {
  readonly words: string
  readonly address: string
}

export interface Location {
  /** Degrees, north and east positive. */
  readonly latitude: number
  readonly longitude: number
  /** What is there, and its postal address, where the person sent a known place. */
  readonly name: string | null
  readonly address: string | null
}

export interface Contact {
  readonly name: string
  readonly phone: string | null
}

/** A line that somebody with access wrote in a group without calling the bot. */
export interface HeardLine {
  /** The platform's id of who wrote it, so that it goes with what else is stored of that person. */
  readonly person: string
  readonly from: string | null
  readonly text: string
}

/** Enough to know what is meant. */
export const MAX_QUOTED = 2_000
/** Slack lets people pass on several messages in one. */
const MAX_QUOTES = 4
const MAX_LINKS = 20
/** As long an address as browsers take. */
const MAX_ADDRESS = 2_000
/** Longer than any name that a platform allows for people, groups, files and places. */
const MAX_NAME = 120
/** An answer needs what was talked about, not every word of it. */
const MAX_HEARD = 500

/** In place of words that must not be stored. */
const LEFT_OUT = '(left out: it looks like a sign-in code or a token)'

/** The same with nothing longer than it may be, and without anything shaped like a secret; null = nothing is left. */
export function boundAbout(about: MessageAbout): MessageAbout | null {
  const { zone, group, quotes = [], links = [], location, contact, heard = [] } = about
  const bound: MessageAbout = {
    ...(zone === undefined ? {} : { zone }),
    ...(group ? { group: { name: boundName(group.name) } } : {}),
    ...(quotes.length === 0 ? {} : { quotes: quotes.slice(0, MAX_QUOTES).map(boundQuotation) }),
    ...(links.length === 0 ? {} : { links: links.slice(0, MAX_LINKS).map(boundLink) }),
    ...(location ? { location: boundLocation(location) } : {}),
    ...(contact ? { contact: { name: boundName(contact.name) ?? '', phone: boundName(contact.phone) } } : {}),
    ...(heard.length === 0 ? {} : { heard: heard.map(boundLine) }),
  }
  return Object.keys(bound).length === 0 ? null : bound
}

function boundQuotation({ kind, from, text }: Quotation): Quotation {
  return { kind, from: boundName(from), text: boundWords(text, MAX_QUOTED) }
}

function boundLink({ words, address }: Link): Link {
  return { words: boundWords(words, MAX_NAME), address: boundWords(address, MAX_ADDRESS) }
}

function boundLocation({ latitude, longitude, name, address }: Location): Location {
  return { latitude, longitude, name: boundName(name), address: boundName(address) }
}

/** Lines are kept in memory before they are stored. */
export function boundLine({ person, from, text }: HeardLine): HeardLine {
  return { person, from: boundName(from), text: boundWords(text, MAX_HEARD) }
}

/** Platforms send what they like: whatever should be text and is none is left out, and costs nobody a message. */
function boundName(name: unknown): string | null {
  return typeof name === 'string' ? cut(name, MAX_NAME) || null : null
}

/** More than the longest word that may be a secret: one that is cut is judged whole. */
const JUDGED_BEYOND = 1_100

function boundWords(text: unknown, limit: number): string {
  if (typeof text !== 'string') return ''
  const words = text.trim()
  return looksLikeSignInPaste(words.slice(0, limit + JUDGED_BEYOND)) ? LEFT_OUT : cut(words, limit)
}

const HALF_AT_END = /[\ud800-\udbff]$/

/** No pair of surrogates is torn, and nothing is left that a database refuses. */
function cut(text: string, limit: number): string {
  const whole = text.replaceAll('\0', '').toWellFormed()
  if (whole.length <= limit) return whole
  return `${whole.slice(0, limit - 1).replace(HALF_AT_END, '')}…`
}

/**
 * An edit changes the addresses behind words with the words; everything else of a message is from its first form.
 *
 * @param stored as it is in the store: JSON; null = nothing
 */
export function withLinks(stored: string | null, links: readonly Link[]): string | null {
  const { links: _, ...rest } = readAbout(stored) ?? {}
  const about = boundAbout(links.length === 0 ? rest : { ...rest, links })
  return about && JSON.stringify(about)
}

export function readAbout(stored: string | null): MessageAbout | null {
  return stored === null ? null : (JSON.parse(stored) as MessageAbout)
}

/** Does it say something where the message has no words? */
export function saysSomething({ quotes = [], location, contact }: PlatformAbout): boolean {
  return quotes.length > 0 || location !== undefined || contact !== undefined
}
