import { log } from '@clack/prompts'
import { SECOND } from '../../support/clock.ts'
import { createLog } from '../../support/log.ts'
import { Secret } from '../../support/secret.ts'
import type { Answers } from './answers.ts'
import { choose, during, hidden, line, yesOrNo } from './ask.ts'
import type { Found } from './look-around.ts'

const ASK_MS = 10 * SECOND

export type SlackAnswers = Pick<Answers, 'slackTokens' | 'operators'>

/** An app on Slack, and who runs it. Most have none: a plain Enter goes on. */
export async function askSlack(found: Found): Promise<SlackAnswers> {
  const { botToken, apiRoot } = found.settings.channels.slack
  const question = botToken === null ? 'Connect a Slack app as well?' : 'Give it another Slack app?'
  if (!(await yesOrNo(question, false))) return { slackTokens: null, operators: [] }
  log.info('https://api.slack.com/apps makes an app from the manifest in docs/slack.md.')
  let tokens: SlackAnswers['slackTokens'] = null
  while (tokens === null) {
    const bot = await hidden('The bot token (OAuth & Permissions)', shaped('xoxb-'))
    const app = await hidden('The app token (Basic Information)', shaped('xapp-'))
    const given = { bot: new Secret(bot), app: new Secret(app) }
    if (await work(given, apiRoot)) tokens = given
  }
  const operator = await askOperator()
  return { slackTokens: tokens, operators: operator === null ? [] : [`slack:${operator}`] }
}

function shaped(prefix: string): (text: string) => string | undefined {
  return (text) => (text.startsWith(prefix) && !/\s/.test(text) ? undefined : `It begins with ${prefix}`)
}

/** Asks Slack whose tokens they are, and says it. */
async function work(
  tokens: NonNullable<SlackAnswers['slackTokens']>,
  apiRoot: string | null,
): Promise<boolean> {
  // The platform's library is loaded only where it is used.
  const { checkApp } = await import('../../channels/slack/api/app-check.ts')
  const options = {
    botToken: tokens.bot,
    appToken: tokens.app,
    apiRoot,
    log: await createLog({ level: 'silent' }),
  }
  const check = await during('Asking Slack…', checkApp(options, AbortSignal.timeout(ASK_MS)))
  switch (check.kind) {
    case 'bad-token':
      log.error(`Slack: ${check.words}.`)
      return false
    case 'unreachable':
      log.error(`Slack cannot be asked: ${check.words}.`)
      return false
    case 'scopes':
      log.success(`This is @${check.name}.`)
      log.warn(`It lacks scopes: ${check.missing.join(', ')}. "hermes doctor" says what each is for.`)
      return true
    case 'fine':
      log.success(`This is @${check.name} in ${check.team}.`)
      return true
  }
}

/** null = not now. */
async function askOperator(): Promise<string | null> {
  const way = await choose('Who runs it on Slack? Operators may sign in there by /hermes login.', [
    { value: 'id', label: 'I know the member ID (profile, Copy member ID)' },
    { value: 'nobody', label: 'Nobody yet' },
  ])
  if (way === 'nobody') return null
  return line('The Slack member ID of the operator', 'U012AB3CD', (text) =>
    /^[UW][A-Z0-9]{2,}$/.test(text) ? undefined : 'It begins with U or W; names can change hands.',
  )
}
