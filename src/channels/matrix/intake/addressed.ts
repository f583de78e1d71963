import { COMMAND_NAMES_AND_START } from '../../../conversation/commands.ts'
import { recordOf, textOf, type MatrixEvent } from '../api/events.ts'

/** Who the bot is in a room. */
export interface BotIdentity {
  readonly userId: string
  /** As the room shows it; null = it has none there. */
  readonly name: string | null
}

/** Programs keep `/` for their own commands and do not send it: `!new` is the same. */
const COMMAND = new RegExp(`^\\s*([/!])(${COMMAND_NAMES_AND_START})(?=\\s|$)`, 'i')

/** The event that a message answers; null: none. Within a thread only what a person chose to answer. */
export function repliedTo(event: MatrixEvent): string | null {
  const relation = recordOf(event.content['m.relates_to'])
  // For programs that know no threads every message there "answers" the one before it.
  if (relation['rel_type'] === 'm.thread' && relation['is_falling_back'] === true) return null
  return textOf(recordOf(relation['m.in_reply_to']), 'event_id')
}

/** Does the content call the bot by its id or name? @see https://spec.matrix.org/latest/client-server-api/#user-and-room-mentions */
export function mentions(content: Readonly<Record<string, unknown>>, bot: BotIdentity): boolean {
  const { user_ids: ids } = recordOf(content['m.mentions'])
  if (Array.isArray(ids) && ids.includes(bot.userId)) return true
  // Programs that know of mentions have said whom they mean.
  if ('m.mentions' in content) return false
  const formatted = textOf(content, 'formatted_body') ?? ''
  if (formatted.includes(`matrix.to/#/${bot.userId}`)) return true
  if (formatted.includes(`matrix.to/#/${encodeURIComponent(bot.userId)}`)) return true
  const body = withoutFallback(textOf(content, 'body') ?? '')
  return names(body, bot.userId) || (bot.name !== null && names(body, bot.name))
}

/** `/new` and its like at the very beginning: meant for the bot by its name alone. */
export function isPlainCommand(text: string): boolean {
  return COMMAND.exec(text)?.[1] === '/'
}

/**
 * The text as the core reads it. Only a command at the beginning is rewritten: `!new` and
 * `Hermes: !new` are `/new`, and `/start` asks for help. Everything else is verbatim.
 */
export function normalisedText(body: string, bot: BotIdentity): string {
  const rest = withoutCall(body, bot)
  const match = COMMAND.exec(rest)
  if (!match) return body
  const name = match[2]!.toLowerCase()
  return `/${name === 'start' ? 'help' : name}${rest.slice(match[0].length)}`
}

/** A quotation of what is replied to, which older programs put before the words. */
export function withoutFallback(body: string): string {
  if (!body.startsWith('> <@') && !body.startsWith('> * <@')) return body
  const lines = body.split('\n')
  const end = lines.findIndex((line) => !line.startsWith('>'))
  if (end === -1) return body
  return lines.slice(lines[end] === '' ? end + 1 : end).join('\n')
}

/** The text behind `Hermes: ` or `@bot:server, `. */
function withoutCall(body: string, { userId, name }: BotIdentity): string {
  const localpart = userId.slice(1, userId.indexOf(':'))
  for (const call of [userId, name ?? '', `@${localpart}`]) {
    if (call === '' || body.slice(0, call.length).toLowerCase() !== call.toLowerCase()) continue
    const rest = /^(?:\s*[:,]\s*|\s+)/.exec(body.slice(call.length))
    if (rest) return body.slice(call.length + rest[0].length)
  }
  return body
}

/** Is `name` a word, or some words, of the text? */
function names(text: string, name: string): boolean {
  const words = text.toLowerCase()
  const wanted = name.toLowerCase().trim()
  if (wanted === '') return false
  for (let at = words.indexOf(wanted); at !== -1; at = words.indexOf(wanted, at + 1)) {
    const before = words[at - 1] ?? ' '
    const after = words[at + wanted.length] ?? ' '
    if (!WORD.test(before) && !WORD.test(after)) return true
  }
  return false
}

const WORD = /[\p{L}\p{N}_]/u
