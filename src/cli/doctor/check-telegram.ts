import { checkBot, type BotCheck } from '../../channels/telegram/api/bot-check.ts'
import type { Settings } from '../../config/settings.ts'
import { NETWORK_LIMIT_MS } from './check-network.ts'
import { error, ok, warning, word, type Finding } from './finding.ts'

/** @param gatewayRuns the gateway of this home receives itself; nobody else may ask for updates then */
export async function checkTelegram(settings: Settings, gatewayRuns: boolean): Promise<readonly Finding[]> {
  const { telegram } = settings.channels
  if (!telegram.enabled || telegram.botToken === null) return []
  const { apiRoot } = telegram
  const check = await checkBot(
    { token: telegram.botToken, apiRoot, listen: !gatewayRuns },
    AbortSignal.timeout(NETWORK_LIMIT_MS),
  )
  return [judgeBot(check, apiRoot), ...judgeAccess(settings)]
}

/** What Telegram said of the bot, and what mends it. */
export function judgeBot(check: BotCheck, apiRoot: string): Finding {
  switch (check.kind) {
    case 'fine':
      return ok('telegram', `Telegram knows the bot as @${check.username}`)
    case 'bad-token':
      return error(
        'telegram.token',
        `Telegram does not take TELEGRAM_BOT_TOKEN (${check.words}). @BotFather shows the right one.`,
        'hermes init',
      )
    case 'unreachable':
      return error(
        'telegram.reach',
        `Telegram cannot be asked: ${check.words}.`,
        `curl -sSI ${word(apiRoot)}`,
      )
    case 'webhook':
      return error(
        'telegram.webhook',
        `A webhook is set for @${check.username} (${check.host}): what people write goes there.`,
        `curl -sS "${apiRoot}/bot$TELEGRAM_BOT_TOKEN/deleteWebhook"`,
      )
    case 'taken':
      return error(
        'telegram.taken',
        `Another program receives as @${check.username} (${check.words}). Stop it, or give this gateway a bot of its own.`,
        'hermes init',
      )
  }
}

/** A bot that answers nobody works, but hardly as it was meant. */
function judgeAccess({ channels, config }: Settings): Finding[] {
  const { allowedUsers, allowAllUsers, groupAllowedChats } = channels.telegram
  if (allowAllUsers) {
    return [
      warning(
        'telegram.access',
        'Everybody who finds the bot may talk to it, at your expense.',
        'hermes init',
      ),
    ]
  }
  const operators = config.gateway.operators.some(({ channel }) => channel === 'telegram')
  if (allowedUsers.length > 0 || groupAllowedChats.length > 0 || operators) return []
  return [
    warning(
      'telegram.access',
      'Nobody is on the list of those who may talk: each new person needs a pairing.',
      'hermes init',
    ),
  ]
}
