import { randomBytes } from 'node:crypto'
import { log } from '@clack/prompts'
import { checkBot } from '../../channels/telegram/api/bot-check.ts'
import { findOperator, CODE_LIFETIME_MS } from '../../channels/telegram/api/find-operator.ts'
import { pairingCode } from '../../conversation/access/pairing-policy.ts'
import { MINUTE, SECOND, systemClock } from '../../support/clock.ts'
import { messageOf } from '../../support/errors.ts'
import { Secret } from '../../support/secret.ts'
import { paint } from '../terminal/output.ts'
import { telegramRootOf } from './addresses.ts'
import type { Answers } from './answers.ts'
import { choose, during, hidden, line, yesOrNo } from './ask.ts'
import type { Found } from './look-around.ts'
import { NUMERIC_ID } from './parse-flags.ts'

const ASK_MS = 10 * SECOND

export type TelegramAnswers = Pick<Answers, 'telegramToken' | 'operators' | 'allowedUsers'>

/** The bot, and who runs it. */
export async function askTelegram(
  found: Found,
  addresses: Pick<Answers, 'baseUrl' | 'sandboxUrl' | 'telegramApiRoot'>,
): Promise<TelegramAnswers> {
  const { botToken } = found.settings.channels.telegram
  const apiRoot = telegramRootOf(found, addresses)
  const question = botToken === null ? 'Connect a Telegram bot?' : 'Give it another Telegram bot?'
  let token: Secret | null = null
  let bot: string | null = null
  if (await yesOrNo(question, botToken === null)) {
    log.info('@BotFather makes a bot with /newbot and shows its token.')
    while (token === null) {
      const given = new Secret(await hidden('The bot token', tokenProblem))
      bot = await nameOf(given, apiRoot)
      if (bot !== null) token = given
    }
  } else if (botToken !== null) {
    bot = await nameOf(botToken, apiRoot)
  }
  const usable = token ?? botToken
  const operator = usable && bot !== null ? await askOperator(found, usable, bot, apiRoot) : null
  return {
    telegramToken: token,
    operators: operator === null ? [] : [`telegram:${operator}`],
    allowedUsers: operator === null ? [] : [operator],
  }
}

function tokenProblem(text: string): string | undefined {
  return /^\d+:[\w-]{20,}$/.test(text) ? undefined : 'A bot token looks like 123456789:AAbbCC…'
}

/** Asks Telegram whose token it is, and says it; null = it cannot be used. */
async function nameOf(token: Secret, apiRoot: string): Promise<string | null> {
  const signal = AbortSignal.timeout(ASK_MS)
  const check = await during('Asking Telegram…', checkBot({ token, apiRoot, listen: false }, signal))
  switch (check.kind) {
    case 'bad-token':
      log.error(`Telegram does not take this token (${check.words}). Copy it again from @BotFather.`)
      return null
    case 'unreachable':
      log.error(`Telegram cannot be asked: ${check.words}.`)
      return null
    case 'webhook':
      log.warn(
        `A webhook is set for @${check.username} (${check.host}); "hermes doctor" says how to remove it.`,
      )
      return check.username
    default:
      log.success(`This is @${check.username}.`)
      return check.username
  }
}

/** The operator's numeric id; null = not now. */
async function askOperator(
  found: Found,
  token: Secret,
  bot: string,
  apiRoot: string,
): Promise<string | null> {
  const known = found.settings.config.gateway.operators.filter(({ channel }) => channel === 'telegram')
  // Two that receive with one token throw each other out.
  const canMeet = found.running === null
  const way = await choose(
    known.length > 0
      ? 'Add another operator?'
      : 'Who runs it? Operators are told of outages and may sign in by /login.',
    [
      ...(canMeet ? [{ value: 'code', label: 'Me: I send the bot a code' } as const] : []),
      { value: 'id', label: 'I know the numeric id' },
      { value: 'nobody', label: known.length > 0 ? 'No' : 'Nobody yet' },
    ],
    known.length > 0 ? 'nobody' : undefined,
  )
  if (way === 'nobody') return null
  if (way === 'code') {
    const found = await findOperatorByCode(token, bot, apiRoot)
    if (found !== null) return found
  }
  return line('The numeric Telegram id of the operator', '123456789', (text) =>
    NUMERIC_ID.test(text) ? undefined : 'A number; @userinfobot tells you yours.',
  )
}

async function findOperatorByCode(token: Secret, bot: string, apiRoot: string): Promise<string | null> {
  const code = pairingCode(randomBytes(8))
  log.step(
    `Open https://t.me/${bot} and send this code:  ${paint('bold', code)}\nIt is good for ${CODE_LIFETIME_MS / MINUTE} minutes.`,
  )
  try {
    const search = findOperator(
      { token, apiRoot, code, clock: systemClock },
      AbortSignal.timeout(CODE_LIFETIME_MS),
    )
    const found = await during(`Waiting for the code in @${bot}…`, search)
    if (found.kind === 'found') {
      log.success(`That was ${found.name} (${found.id}).`)
      return found.id
    }
    log.warn(
      found.kind === 'nobody'
        ? 'Nobody sent the code in time.'
        : 'Too many messages wait for this bot to find the code.',
    )
  } catch (error) {
    log.warn(`The code cannot be waited for: ${messageOf(error)}.`)
  }
  return null
}
