import { parseDotenv } from '../../config/environment/dotenv.ts'
import type { Answers, AlertChoice } from './answers.ts'
import { withChanges, type ConfigChange } from './config-edit.ts'
import { withVariables } from './dotenv-edit.ts'

/** The texts of the two files; empty = the file does not exist. */
export interface Files {
  readonly config: string
  readonly env: string
}

/** Alert secrets go into `.env`; `config.yaml` only refers to them, so that it can be shared. */
const NTFY_TOKEN = 'HERMES_ALERT_NTFY_TOKEN'
const WEBHOOK_SECRET = 'HERMES_ALERT_WEBHOOK_SECRET'

/** The paths of the simulated provider. */
const SANDBOX_PATHS = {
  authorize_url: '/oauth/authorize',
  token_url: '/v1/oauth/token',
  redirect_uri: '/oauth/code/callback',
} as const

/** The files with the answers applied. Pure. */
export function planFiles(present: Files, answers: Answers): Files {
  const variables = new Map<string, string>()
  const changes: ConfigChange[] = [...addressChanges(answers)]
  if (answers.signIn.kind === 'claude-code') {
    changes.push({ kind: 'set', path: ['auth', 'adopt_claude_code'], value: true })
  }
  if (answers.telegramToken) variables.set('TELEGRAM_BOT_TOKEN', answers.telegramToken.reveal())
  if (answers.discordToken) variables.set('DISCORD_BOT_TOKEN', answers.discordToken.reveal())
  if (answers.slackTokens) {
    variables.set('SLACK_BOT_TOKEN', answers.slackTokens.bot.reveal())
    variables.set('SLACK_APP_TOKEN', answers.slackTokens.app.reveal())
  }
  if (answers.allowedUsers.length > 0) addAllowedUsers(present, answers.allowedUsers, variables, changes)
  if (answers.operators.length > 0) {
    changes.push({ kind: 'add', path: ['gateway', 'operators'], values: answers.operators })
  }
  for (const alert of answers.alerts) {
    changes.push({ kind: 'add', path: ['alerts'], values: [routeConfig(alert, variables)] })
  }
  return { config: withChanges(present.config, changes), env: withVariables(present.env, variables) }
}

function addressChanges({ baseUrl, sandboxUrl, telegramApiRoot }: Answers): ConfigChange[] {
  const changes: ConfigChange[] = []
  const provider = baseUrl ?? sandboxUrl
  if (provider !== null) changes.push({ kind: 'set', path: ['model', 'base_url'], value: provider })
  if (sandboxUrl !== null) {
    const { authorize_url, token_url, redirect_uri } = SANDBOX_PATHS
    const oauth = ['auth', 'oauth']
    changes.push(
      { kind: 'set', path: [...oauth, 'authorize_url'], value: sandboxUrl + authorize_url },
      { kind: 'set', path: [...oauth, 'token_urls'], value: [sandboxUrl + token_url] },
      { kind: 'set', path: [...oauth, 'redirect_uri'], value: sandboxUrl + redirect_uri },
    )
  }
  if (telegramApiRoot !== null) {
    changes.push({ kind: 'set', path: ['channels', 'telegram', 'api_root'], value: telegramApiRoot })
  }
  return changes
}

/** The variable takes precedence over the key in the file: if it is set, extend it. */
function addAllowedUsers(
  present: Files,
  users: readonly string[],
  variables: Map<string, string>,
  changes: ConfigChange[],
): void {
  const { TELEGRAM_ALLOWED_USERS: variable = '' } = parseDotenv(present.env)
  const list = variable
    .split(',')
    .map((user) => user.trim())
    .filter(Boolean)
  if (list.length === 0) {
    changes.push({ kind: 'add', path: ['channels', 'telegram', 'allowed_users'], values: users })
  } else if (users.some((user) => !list.includes(user))) {
    variables.set('TELEGRAM_ALLOWED_USERS', [...new Set([...list, ...users])].join(','))
  }
}

/** The route for `config.yaml`; its secret becomes a variable. */
function routeConfig(alert: AlertChoice, variables: Map<string, string>): object {
  switch (alert.type) {
    case 'ntfy':
      variables.set(NTFY_TOKEN, alert.token.reveal())
      return { type: alert.type, url: alert.url, token: `\${${NTFY_TOKEN}}` }
    case 'webhook':
      if (alert.secret === null) return { type: alert.type, url: alert.url }
      variables.set(WEBHOOK_SECRET, alert.secret.reveal())
      return { type: alert.type, url: alert.url, secret: `\${${WEBHOOK_SECRET}}` }
    default:
      return alert
  }
}
