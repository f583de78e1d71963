import { log, note } from '@clack/prompts'
import { normalAddress } from './addresses.ts'
import type { Answers } from './answers.ts'
import { NO_ANSWERS } from './answers.ts'
import { askAlerts } from './ask-alerts.ts'
import { askDiscord } from './ask-discord.ts'
import { askSignIn } from './ask-sign-in.ts'
import { askSlack } from './ask-slack.ts'
import { askTelegram } from './ask-telegram.ts'
import type { CurrentSetup } from './current-setup.ts'
import type { InitFlags } from './parse-flags.ts'

/** Asks all questions; writes nothing. @throws Cancelled */
export async function answersFromPrompts(flags: InitFlags, current: CurrentSetup): Promise<Answers> {
  note(describe(current).join('\n'), 'Current setup')
  for (const problem of current.settings.problems) log.warn(problem)
  const addresses = {
    baseUrl: normalAddress(flags.baseUrl),
    sandboxUrl: normalAddress(flags.sandboxUrl),
    telegramApiRoot: normalAddress(flags.telegramApiRoot),
  }
  const signIn = await askSignIn(current, addresses)
  const people = await askTelegram(current, addresses)
  const discord = await askDiscord(current)
  const slack = await askSlack(current)
  const alerts = await askAlerts(current, people)
  const operators = [...people.operators, ...discord.operators, ...slack.operators]
  return { ...NO_ANSWERS, ...addresses, ...people, ...discord, ...slack, operators, signIn, alerts }
}

function describe({ settings, homeExists, credential, claudeCode, files, running }: CurrentSetup): string[] {
  const { paths, channels, config } = settings
  const { telegram, discord, slack } = channels
  return [
    `Home          ${paths.home}${homeExists ? '' : ' (will be created)'}`,
    `config.yaml   ${files.config === '' ? 'none yet' : 'exists; other settings are kept'}`,
    `Credential    ${credential ?? 'none'}`,
    ...(claudeCode === null ? [] : [`Claude Code   ${claudeCode}`]),
    `Telegram      ${telegram.botToken ? `bot token ${telegram.botToken.fingerprint}` : 'no bot token'}`,
    ...(discord.botToken ? [`Discord       bot token ${discord.botToken.fingerprint}`] : []),
    ...(slack.botToken ? [`Slack         bot token ${slack.botToken.fingerprint}`] : []),
    `Operators     ${config.gateway.operators.map(({ channel, user }) => `${channel}:${user}`).join(', ') || 'none'}`,
    `Alerts        ${config.alerts.map(({ type }) => type).join(', ') || 'none'}`,
    ...(running ? [`Gateway       running (process ${running.pid})`] : []),
  ]
}
