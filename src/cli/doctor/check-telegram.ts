import { checkBot, type BotCheck } from '../../channels/telegram/api/bot-check.ts'
import type { Settings } from '../../config/settings.ts'
import { NETWORK_LIMIT_MS } from './check-addresses.ts'
import { error, ok, warning, quoteForShell, type Finding } from './finding.ts'

/** @param gatewayRuns the gateway of this home is polling for updates, so this check must not */
export async function checkTelegram(settings: Settings, gatewayRuns: boolean): Promise<readonly Finding[]> {
  const { telegram } = settings.channels
  if (!telegram.enabled || telegram.botToken === null) return []
  const { apiRoot } = telegram
  const check = await checkBot(
    { token: telegram.botToken, apiRoot, listen: !gatewayRuns },
    AbortSignal.timeout(NETWORK_LIMIT_MS),
  )
  return [botFinding(check, apiRoot), ...accessFindings(settings)]
}

/** Turns Telegram's reply into a finding. */
export function botFinding(check: BotCheck, apiRoot: string): Finding {
  switch (check.kind) {
    case 'fine':
      return ok('telegram', `Telegram accepts the token of @${check.username}`)
    case 'bad-token':
      return error(
        'telegram.token',
        `Telegram rejects TELEGRAM_BOT_TOKEN (${check.words}). Copy the token from @BotFather.`,
        'hermes init',
      )
    case 'unreachable':
      return error(
        'telegram.reach',
        `Cannot reach Telegram: ${check.words}.`,
        `curl -sSI ${quoteForShell(apiRoot)}`,
      )
    case 'webhook':
      return error(
        'telegram.webhook',
        `A webhook is set for @${check.username} (${check.host}) and receives its messages.`,
        `curl -sS "${apiRoot}/bot$TELEGRAM_BOT_TOKEN/deleteWebhook"`,
      )
    case 'taken':
      return error(
        'telegram.taken',
        `Another program is polling as @${check.username} (${check.words}). Stop it, or use a separate bot.`,
        'hermes init',
      )
  }
}

/** Warns about a bot that answers nobody, or everybody. */
function accessFindings({ channels, config }: Settings): Finding[] {
  const { allowedUsers, allowAllUsers, groupAllowedChats } = channels.telegram
  if (allowAllUsers) {
    return [
      warning('telegram.access', 'Anybody who finds the bot may use it, at your expense.', 'hermes init'),
    ]
  }
  const operators = config.gateway.operators.some(({ channel }) => channel === 'telegram')
  if (allowedUsers.length > 0 || groupAllowedChats.length > 0 || operators) return []
  return [
    warning(
      'telegram.access',
      'The Telegram allowlist is empty: every new person needs to be paired.',
      'hermes init',
    ),
  ]
}
