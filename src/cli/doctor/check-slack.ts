import type { AppCheck } from '../../channels/slack/api/app-check.ts'
import { BOT_SCOPES, LEAST_SCOPES } from '../../channels/slack/api/trouble.ts'
import type { Settings } from '../../config/settings.ts'
import { createLog } from '../../support/log.ts'
import { NETWORK_LIMIT_MS } from './check-addresses.ts'
import { editCommand, error, ok, warning, quoteForShell, type Finding } from './finding.ts'

export async function checkSlack(settings: Settings): Promise<readonly Finding[]> {
  const { slack } = settings.channels
  const { enabled, botToken, appToken, apiRoot, reactions } = slack
  if (!enabled || botToken === null || appToken === null) return []
  // Load the platform's library only if it is needed.
  const { checkApp } = await import('../../channels/slack/api/app-check.ts')
  const log = await createLog({ level: 'silent' })
  const signal = AbortSignal.timeout(NETWORK_LIMIT_MS)
  const check = await checkApp({ botToken, appToken, apiRoot, reactions, log }, signal)
  return [appFinding(check, apiRoot, settings.paths.env), ...accessFindings(settings)]
}

/** Turns Slack's reply into a finding. */
export function appFinding(check: AppCheck, apiRoot: string | null, envFile: string): Finding {
  switch (check.kind) {
    case 'fine':
      return ok(
        'slack',
        `Slack accepts the tokens of @${check.name} in ${check.team}; all scopes are granted`,
      )
    case 'bad-token':
      return error(`slack.${check.token}-token`, `Slack: ${check.words}.`, editCommand(envFile))
    case 'unreachable':
      return error(
        'slack.reach',
        `Cannot reach Slack: ${check.words}.`,
        `curl -sSI ${quoteForShell(apiRoot ?? 'https://slack.com/api')}`,
      )
    case 'scopes': {
      const list = check.missing.map((scope) => `${scope} (${BOT_SCOPES[scope]})`).join(', ')
      const message = `The Slack app of @${check.name} lacks scopes: ${list}. Add them under "OAuth & Permissions", then reinstall the app.`
      const silent = check.missing.some((scope) => LEAST_SCOPES.includes(scope))
      return (silent ? error : warning)('slack.scopes', message, null)
    }
  }
}

/** Warns about a bot that answers nobody. */
function accessFindings({ channels, config, paths }: Settings): Finding[] {
  const { allowedUsers, allowAllUsers, groupAllowedChats } = channels.slack
  const operators = config.gateway.operators.some(({ channel }) => channel === 'slack')
  if (allowAllUsers || allowedUsers.length > 0 || groupAllowedChats.length > 0 || operators) return []
  return [
    warning(
      'slack.access',
      'The Slack allowlist is empty: every new person needs to be paired.',
      editCommand(paths.env),
    ),
  ]
}
