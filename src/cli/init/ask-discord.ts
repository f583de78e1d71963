import { log } from '@clack/prompts'
import { SECOND, systemClock } from '../../support/clock.ts'
import { Secret } from '../../support/secret.ts'
import type { Answers } from './answers.ts'
import { choose, during, hidden, line, yesOrNo } from './ask.ts'
import type { CurrentSetup } from './current-setup.ts'
import { NUMERIC_ID } from './parse-flags.ts'

const ASK_MS = 10 * SECOND

export type DiscordAnswers = Pick<Answers, 'discordToken' | 'operators'>

/** Asks for a Discord bot and its operator. Off by default: Enter skips it. */
export async function askDiscord(current: CurrentSetup): Promise<DiscordAnswers> {
  const { botToken, apiRoot } = current.settings.channels.discord
  const question = botToken === null ? 'Connect a Discord bot?' : 'Use a different Discord bot?'
  if (!(await yesOrNo(question, false))) return { discordToken: null, operators: [] }
  log.info(
    'Create a bot at https://discord.com/developers/applications. On its Bot page, copy the token (shown once) and enable the Message Content Intent.',
  )
  let token: Secret | null = null
  while (token === null) {
    const given = new Secret(await hidden('Discord bot token', tokenProblem))
    if (await verifyToken(given, apiRoot)) token = given
  }
  const operator = await askOperator()
  return { discordToken: token, operators: operator === null ? [] : [`discord:${operator}`] }
}

function tokenProblem(text: string): string | undefined {
  return text.length >= 20 && !/\s/.test(text)
    ? undefined
    : 'Enter the bot token: at least 20 characters, without spaces'
}

/** Checks the token with Discord and prints the name of the bot. */
async function verifyToken(token: Secret, apiRoot: string | null): Promise<boolean> {
  // Load the platform's library only if it is needed.
  const [{ checkBot }, { DEFAULT_API_ROOT }] = await Promise.all([
    import('../../channels/discord/api/bot-check.ts'),
    import('../../channels/discord/api/client.ts'),
  ])
  const options = { token, apiRoot: apiRoot ?? DEFAULT_API_ROOT, clock: systemClock }
  const check = await during(
    'Checking the token with Discord…',
    checkBot(options, AbortSignal.timeout(ASK_MS)),
  )
  switch (check.kind) {
    case 'bad-token':
      log.error(
        `Discord rejects this token (${check.words}). Create a new one with Reset Token on the Bot page.`,
      )
      return false
    case 'unreachable':
      log.error(`Cannot reach Discord: ${check.words}.`)
      return false
    case 'fine':
      log.success(`Token accepted: ${check.username}.`)
      if (!check.contentIntent)
        log.warn('The bot cannot read messages yet: enable the Message Content Intent on its Bot page.')
      return true
  }
}

/** null = no operator yet. */
async function askOperator(): Promise<string | null> {
  const way = await choose('Who is the operator on Discord? Operators can sign in with /login.', [
    { value: 'id', label: 'Enter a user ID (developer mode, Copy User ID)' },
    { value: 'nobody', label: 'No operator yet' },
  ])
  if (way === 'nobody') return null
  return line("Operator's Discord user ID", '112233445566778899', (text) =>
    NUMERIC_ID.test(text) ? undefined : 'Enter the numeric ID (names can change).',
  )
}
