import { log } from '@clack/prompts'
import { SECOND } from '../../support/clock.ts'
import { createLog } from '../../support/log.ts'
import { Secret } from '../../support/secret.ts'
import type { Answers } from './answers.ts'
import { choose, during, hidden, line, yesOrNo } from './ask.ts'
import type { CurrentSetup } from './current-setup.ts'

const ASK_MS = 10 * SECOND

export type SlackAnswers = Pick<Answers, 'slackTokens' | 'operators'>

/** Asks for a Slack app and its operator. Off by default: Enter skips it. */
export async function askSlack(current: CurrentSetup): Promise<SlackAnswers> {
  const { botToken, apiRoot } = current.settings.channels.slack
  const question = botToken === null ? 'Connect a Slack app?' : 'Use a different Slack app?'
  if (!(await yesOrNo(question, false))) return { slackTokens: null, operators: [] }
  log.info('Create an app at https://api.slack.com/apps from the manifest in docs/slack.md.')
  let tokens: SlackAnswers['slackTokens'] = null
  while (tokens === null) {
    const bot = await hidden('Bot token (OAuth & Permissions)', requirePrefix('xoxb-'))
    const app = await hidden('App token (Basic Information)', requirePrefix('xapp-'))
    const given = { bot: new Secret(bot), app: new Secret(app) }
    if (await verifyTokens(given, apiRoot)) tokens = given
  }
  const operator = await askOperator()
  return { slackTokens: tokens, operators: operator === null ? [] : [`slack:${operator}`] }
}

function requirePrefix(prefix: string): (text: string) => string | undefined {
  return (text) =>
    text.startsWith(prefix) && !/\s/.test(text) ? undefined : `The token must start with ${prefix}`
}

/** Checks the tokens with Slack and prints the name of the bot. */
async function verifyTokens(
  tokens: NonNullable<SlackAnswers['slackTokens']>,
  apiRoot: string | null,
): Promise<boolean> {
  // Load the platform's library only if it is needed.
  const { checkApp } = await import('../../channels/slack/api/app-check.ts')
  const options = {
    botToken: tokens.bot,
    appToken: tokens.app,
    apiRoot,
    reactions: true,
    log: await createLog({ level: 'silent' }),
  }
  const check = await during(
    'Checking the tokens with Slack…',
    checkApp(options, AbortSignal.timeout(ASK_MS)),
  )
  switch (check.kind) {
    case 'bad-token':
      log.error(`Slack: ${check.words}.`)
      return false
    case 'unreachable':
      log.error(`Cannot reach Slack: ${check.words}.`)
      return false
    case 'scopes':
      log.success(`Tokens accepted: @${check.name}.`)
      log.warn(`Missing scopes: ${check.missing.join(', ')}. "hermes doctor" explains what each is for.`)
      return true
    case 'fine':
      log.success(`Tokens accepted: @${check.name} in ${check.team}.`)
      return true
  }
}

/** null = no operator yet. */
async function askOperator(): Promise<string | null> {
  const way = await choose('Who is the operator on Slack? Operators can sign in with /hermes login.', [
    { value: 'id', label: 'Enter a member ID (profile, Copy member ID)' },
    { value: 'nobody', label: 'No operator yet' },
  ])
  if (way === 'nobody') return null
  return line("Operator's Slack member ID", 'U012AB3CD', (text) =>
    /^[UW][A-Z0-9]{2,}$/.test(text)
      ? undefined
      : 'Enter the member ID, which starts with U or W (names can change).',
  )
}
