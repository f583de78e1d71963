import type { Link } from '../../../inbox/about.ts'
import { linkBehind, withAddress } from '../../kit/intake/link-behind.ts'

/** Who the bot is there. */
export interface BotIdentity {
  readonly userId: string
  readonly name: string
}

/** What Slack itself put between angle brackets; what people type arrives escaped. */
const TOKEN = /<([^<>]*)>/g
const PERSON = /^@([UW][A-Z0-9]+)(?:\|(.*))?$/
const OTHERS = /<@([UW][A-Z0-9]+)[|>]/g

/**
 * A message's words as the person typed them: references resolved, escapes undone, and the bot's
 * own name left out where it only calls the bot.
 *
 * @see https://docs.slack.dev/messaging/formatting-message-text
 */
export function plainText(text: string, bot: BotIdentity): string {
  return textOf(text, bot, (label) => label)
}

/** As `plainText`, with the addresses behind words: `[words](address)`. */
export function quotedText(text: string, bot: BotIdentity): string {
  return textOf(text, bot, withAddress)
}

/** The addresses behind words, which the text shows no more. Slack makes links of what looks like one, too. */
export function linksIn(text: string): readonly Link[] {
  return [...text.matchAll(TOKEN)].flatMap(([, inner = '']) => {
    const [target = '', label] = splitOnce(inner)
    return label !== undefined && ADDRESS.test(target)
      ? (linkBehind(unescape(label), unescape(target)) ?? [])
      : []
  })
}

const ADDRESS = /^[a-z][a-z0-9+.-]*:/i

type Addressed = (label: string, address: string) => string

function textOf(text: string, bot: BotIdentity, addressed: Addressed): string {
  const uncalled = withoutCallBehind(withoutCallBefore(text, bot.userId), bot.userId)
  return unescape(uncalled.replace(TOKEN, (whole, inner: string) => tokenText(whole, inner, bot, addressed)))
}

function withoutCallBefore(text: string, userId: string): string {
  const words = text.trimStart()
  const end = words.indexOf('>')
  if (end === -1 || !isCall(words.slice(0, end + 1), userId)) return text
  return words.slice(end + 1).replace(/^[\s:,]+/, '')
}

function withoutCallBehind(text: string, userId: string): string {
  const words = text.trimEnd()
  const start = words.lastIndexOf('<')
  return start !== -1 && isCall(words.slice(start), userId) ? words.slice(0, start).trimEnd() : text
}

/** `<@U…>` or `<@U…|name>`, and nothing else. */
function isCall(token: string, userId: string): boolean {
  if (token.indexOf('>') !== token.length - 1 || token.lastIndexOf('<') !== 0) return false
  return token === `<@${userId}>` || token.startsWith(`<@${userId}|`)
}

/** Does the text call the bot by name? */
export function mentions(text: string, userId: string): boolean {
  return mentioned(text).includes(userId)
}

/** Does it call somebody else, and not the bot? */
export function mentionsOnlyOthers(text: string, userId: string): boolean {
  const people = mentioned(text)
  return people.length > 0 && !people.includes(userId)
}

function mentioned(text: string): string[] {
  return [...text.matchAll(OTHERS)].map((match) => match[1]!)
}

function tokenText(whole: string, inner: string, bot: BotIdentity, addressed: Addressed): string {
  const person = PERSON.exec(inner)
  if (person) return `@${person[2] ?? (person[1] === bot.userId ? bot.name : person[1])}`
  const [target = '', label] = splitOnce(inner)
  if (target.startsWith('#')) return `#${label || target.slice(1)}`
  if (target.startsWith('!')) return label ?? `@${target.slice(1).replace(/^subteam\^/, '')}`
  if (!ADDRESS.test(target)) return whole
  if (label === undefined) return target
  return addressed(label, target)
}

function splitOnce(inner: string): [string, string | undefined] {
  const bar = inner.indexOf('|')
  return bar === -1 ? [inner, undefined] : [inner.slice(0, bar), inner.slice(bar + 1)]
}

function unescape(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}
