import { randomBytes } from 'node:crypto'
import { log } from '@clack/prompts'
import { checkBot } from '../../channels/telegram/api/bot-check.ts'
import { findOperator, CODE_LIFETIME_MS } from '../../channels/telegram/api/find-operator.ts'
import { pairingCode } from '../../conversation/access/pairing-policy.ts'
import { MINUTE, SECOND, systemClock } from '../../support/clock.ts'
import { messageOf } from '../../support/errors.ts'
import { Secret } from '../../support/secret.ts'
import { paint } from '../terminal/output.ts'
import { telegramApiRoot } from './addresses.ts'
import type { Answers } from './answers.ts'
import { choose, during, hidden, line, yesOrNo } from './ask.ts'
import type { CurrentSetup } from './current-setup.ts'
import { NUMERIC_ID } from './parse-flags.ts'

const ASK_MS = 10 * SECOND

export type TelegramAnswers = Pick<Answers, 'telegramToken' | 'operators' | 'allowedUsers'>

/** Asks for a Telegram bot and its operator. */
export async function askTelegram(
  current: CurrentSetup,
  addresses: Pick<Answers, 'baseUrl' | 'sandboxUrl' | 'telegramApiRoot'>,
): Promise<TelegramAnswers> {
  const { botToken } = current.settings.channels.telegram
  const apiRoot = telegramApiRoot(current, addresses)
  const question = botToken === null ? 'Connect a Telegram bot?' : 'Use a different Telegram bot?'
  let token: Secret | null = null
  let bot: string | null = null
  if (await yesOrNo(question, botToken === null)) {
    log.info('Create a bot with /newbot at @BotFather and copy its token.')
    while (token === null) {
      const given = new Secret(await hidden('Bot token', tokenProblem))
      bot = await verifyBot(given, apiRoot)
      if (bot !== null) token = given
    }
  } else if (botToken !== null) {
    bot = await verifyBot(botToken, apiRoot)
  }
  const usable = token ?? botToken
  const operator = usable && bot !== null ? await askOperator(current, usable, bot, apiRoot) : null
  return {
    telegramToken: token,
    operators: operator === null ? [] : [`telegram:${operator}`],
    allowedUsers: operator === null ? [] : [operator],
  }
}

function tokenProblem(text: string): string | undefined {
  return /^\d+:[\w-]{20,}$/.test(text) ? undefined : 'A bot token looks like 123456789:AAbbCC…'
}

/** Checks the token with Telegram and prints the name of the bot; null = the token cannot be used. */
async function verifyBot(token: Secret, apiRoot: string): Promise<string | null> {
  const signal = AbortSignal.timeout(ASK_MS)
  const check = await during(
    'Checking the token with Telegram…',
    checkBot({ token, apiRoot, listen: false }, signal),
  )
  switch (check.kind) {
    case 'bad-token':
      log.error(`Telegram rejects this token (${check.words}). Copy it again from @BotFather.`)
      return null
    case 'unreachable':
      log.error(`Cannot reach Telegram: ${check.words}.`)
      return null
    case 'webhook':
      log.warn(
        `A webhook is set for @${check.username} (${check.host}); "hermes doctor" shows how to remove it.`,
      )
      return check.username
    default:
      log.success(`Token accepted: @${check.username}.`)
      return check.username
  }
}

/** The operator's numeric ID; null = no operator yet. */
async function askOperator(
  current: CurrentSetup,
  token: Secret,
  bot: string,
  apiRoot: string,
): Promise<string | null> {
  const known = current.settings.config.gateway.operators.filter(({ channel }) => channel === 'telegram')
  // Telegram allows only one program to poll with a token.
  const canMeet = current.running === null
  const way = await choose(
    known.length > 0
      ? 'Add another operator?'
      : 'Who is the operator? Operators get outage alerts and can sign in with /login.',
    [
      ...(canMeet ? [{ value: 'code', label: 'Me: I will send the bot a code' } as const] : []),
      { value: 'id', label: 'Enter a numeric ID' },
      { value: 'nobody', label: known.length > 0 ? 'No' : 'No operator yet' },
    ],
    known.length > 0 ? 'nobody' : undefined,
  )
  if (way === 'nobody') return null
  if (way === 'code') {
    const found = await findOperatorByCode(token, bot, apiRoot)
    if (found !== null) return found
  }
  return line("Operator's numeric Telegram ID", '123456789', (text) =>
    NUMERIC_ID.test(text) ? undefined : 'Enter a number; @userinfobot shows yours.',
  )
}

async function findOperatorByCode(token: Secret, bot: string, apiRoot: string): Promise<string | null> {
  const code = pairingCode(randomBytes(8))
  log.step(
    `Open https://t.me/${bot} and send this code:  ${paint('bold', code)}\nIt expires in ${CODE_LIFETIME_MS / MINUTE} minutes.`,
  )
  try {
    const search = findOperator(
      { token, apiRoot, code, clock: systemClock },
      AbortSignal.timeout(CODE_LIFETIME_MS),
    )
    const found = await during(`Waiting for the code in @${bot}…`, search)
    if (found.kind === 'found') {
      log.success(`Received the code from ${found.name} (${found.id}).`)
      return found.id
    }
    log.warn(
      found.kind === 'nobody'
        ? 'The code did not arrive in time.'
        : 'Too many messages are waiting for this bot to find the code.',
    )
  } catch (error) {
    log.warn(`Cannot receive the code: ${messageOf(error)}.`)
  }
  return null
}
