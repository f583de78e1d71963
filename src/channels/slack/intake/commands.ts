import { COMMAND_NAMES } from '../../../conversation/commands.ts'
import { isPerson, isPrivate, parseAddress } from '../address.ts'

/** Commands that a person may give by `/hermes` or after the bot's name; anything else is a question. */
const OWN_COMMANDS = new RegExp(`^[/!]?(?:${COMMAND_NAMES})(?=\\s|$)`, 'i')
/** A command as a sentence names it, and not a part of an address or a path. */
const NAMED = new RegExp(`(?<![^\\s("'\`])/(?=(?:${COMMAND_NAMES})(?![\\w/-]))`, 'g')

/** What follows `/hermes`: `new`, `/new` and nothing at all are ours; everything else is a question to the model. */
export function commandText(text: string): string {
  const words = text.trim()
  if (words === '') return '/help'
  return OWN_COMMANDS.test(words) ? words.replace(/^[/!]?/, '/') : words
}

/** Slack reserves messages that begin with `/`, so `!new` means `/new`. */
export function withSlash(text: string): string {
  return text.startsWith('!') && OWN_COMMANDS.test(text) ? `/${text.slice(1)}` : text
}

/**
 * A sentence of our own with its commands in the form that works at `address`: `!new` where everything
 * is meant for the bot, and `/hermes new` in a channel itself, where only that needs no further word.
 */
export function withCommandsOf(address: string, text: string): string {
  const target = parseAddress(address)
  const inChannel =
    target !== null && target.thread === null && !isPrivate(target.channel) && !isPerson(target.channel)
  return text.replace(NAMED, inChannel ? '/hermes ' : '!')
}
