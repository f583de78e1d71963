import { log } from '@clack/prompts'
import { SECOND, systemClock } from '../../support/clock.ts'
import { Secret } from '../../support/secret.ts'
import type { Answers } from './answers.ts'
import { choose, during, hidden, line, yesOrNo } from './ask.ts'
import type { Found } from './look-around.ts'
import { NUMERIC_ID } from './parse-flags.ts'

const ASK_MS = 10 * SECOND

export type DiscordAnswers = Pick<Answers, 'discordToken' | 'operators'>

/** A bot on Discord, and who runs it. Most have none: a plain Enter goes on. */
export async function askDiscord(found: Found): Promise<DiscordAnswers> {
  const { botToken, apiRoot } = found.settings.channels.discord
  const question = botToken === null ? 'Connect a Discord bot as well?' : 'Give it another Discord bot?'
  if (!(await yesOrNo(question, false))) return { discordToken: null, operators: [] }
  log.info(
    'https://discord.com/developers/applications makes a bot; its Bot page shows the token once and has the Message Content Intent, which must be on.',
  )
  let token: Secret | null = null
  while (token === null) {
    const given = new Secret(await hidden('The bot token of Discord', tokenProblem))
    if (await works(given, apiRoot)) token = given
  }
  const operator = await askOperator()
  return { discordToken: token, operators: operator === null ? [] : [`discord:${operator}`] }
}

function tokenProblem(text: string): string | undefined {
  return text.length >= 20 && !/\s/.test(text) ? undefined : 'A bot token is a long word with dots in it'
}

/** Asks Discord whose token it is, and says it. */
async function works(token: Secret, apiRoot: string | null): Promise<boolean> {
  // The platform's library is loaded only where it is used.
  const [{ checkBot }, { DEFAULT_API_ROOT }] = await Promise.all([
    import('../../channels/discord/api/bot-check.ts'),
    import('../../channels/discord/api/client.ts'),
  ])
  const options = { token, apiRoot: apiRoot ?? DEFAULT_API_ROOT, clock: systemClock }
  const check = await during('Asking Discord…', checkBot(options, AbortSignal.timeout(ASK_MS)))
  switch (check.kind) {
    case 'bad-token':
      log.error(
        `Discord does not take this token (${check.words}). Reset Token on the Bot page makes another.`,
      )
      return false
    case 'unreachable':
      log.error(`Discord cannot be asked: ${check.words}.`)
      return false
    case 'fine':
      log.success(`This is ${check.username}.`)
      if (!check.contentIntent)
        log.warn('It may not read messages yet: enable the Message Content Intent on its Bot page.')
      return true
  }
}

/** null = not now. */
async function askOperator(): Promise<string | null> {
  const way = await choose('Who runs it on Discord? Operators may sign in there by /login.', [
    { value: 'id', label: 'I know the user id (developer mode, Copy User ID)' },
    { value: 'nobody', label: 'Nobody yet' },
  ])
  if (way === 'nobody') return null
  return line('The Discord user id of the operator', '112233445566778899', (text) =>
    NUMERIC_ID.test(text) ? undefined : 'A long number; names can change hands.',
  )
}
