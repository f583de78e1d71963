import { log, note } from '@clack/prompts'
import { trimmed } from './addresses.ts'
import type { Answers } from './answers.ts'
import { NO_ANSWERS } from './answers.ts'
import { askAlerts } from './ask-alerts.ts'
import { askDiscord } from './ask-discord.ts'
import { askSignIn } from './ask-sign-in.ts'
import { askSlack } from './ask-slack.ts'
import { askTelegram } from './ask-telegram.ts'
import type { Found } from './look-around.ts'
import type { InitFlags } from './parse-flags.ts'

/** Asks everything; nothing is written. @throws Cancelled */
export async function answersFromPerson(flags: InitFlags, found: Found): Promise<Answers> {
  note(whatIsThere(found).join('\n'), 'What is there')
  for (const problem of found.settings.problems) log.warn(problem)
  const addresses = {
    baseUrl: trimmed(flags.baseUrl),
    sandboxUrl: trimmed(flags.sandboxUrl),
    telegramApiRoot: trimmed(flags.telegramApiRoot),
  }
  const signIn = await askSignIn(found, addresses)
  const people = await askTelegram(found, addresses)
  const discord = await askDiscord(found)
  const slack = await askSlack(found)
  const alerts = await askAlerts(found, people)
  const operators = [...people.operators, ...discord.operators, ...slack.operators]
  return { ...NO_ANSWERS, ...addresses, ...people, ...discord, ...slack, operators, signIn, alerts }
}

function whatIsThere({ settings, homeExists, credential, claudeCode, files, running }: Found): string[] {
  const { paths, channels, config } = settings
  const { telegram, discord, slack } = channels
  return [
    `Home          ${paths.home}${homeExists ? '' : ' (will be made)'}`,
    `config.yaml   ${files.config === '' ? 'none yet' : 'there; what you do not change stays'}`,
    `Credential    ${credential ?? 'none'}`,
    ...(claudeCode === null ? [] : [`Claude Code   ${claudeCode}`]),
    `Telegram      ${telegram.botToken ? `a bot token (${telegram.botToken.fingerprint})` : 'no bot token'}`,
    ...(discord.botToken ? [`Discord       a bot token (${discord.botToken.fingerprint})`] : []),
    ...(slack.botToken ? [`Slack         a bot token (${slack.botToken.fingerprint})`] : []),
    `Operators     ${config.gateway.operators.map(({ channel, user }) => `${channel}:${user}`).join(', ') || 'none'}`,
    `Alerts        ${config.alerts.map(({ type }) => type).join(', ') || 'no route named'}`,
    ...(running ? [`Gateway       runs (process ${running.pid})`] : []),
  ]
}
