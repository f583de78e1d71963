import { log } from '@clack/prompts'
import { addressProblem } from '../../config/addresses.ts'
import { Secret } from '../../support/secret.ts'
import { telegramUsers } from './answers-from-flags.ts'
import type { AlertChoice } from './answers.ts'
import type { TelegramAnswers } from './ask-telegram.ts'
import { choose, hidden, line, type Choice } from './ask.ts'
import type { CurrentSetup } from './current-setup.ts'

type Route = 'telegram' | 'ntfy' | 'webhook' | 'command' | 'none'

/** Asks where alerts should go. */
export async function askAlerts(
  current: CurrentSetup,
  people: TelegramAnswers,
): Promise<readonly AlertChoice[]> {
  const { config } = current.settings
  const known = config.gateway.operators.map(({ channel, user }) => `${channel}:${user}`)
  const chat = telegramUsers([...people.operators, ...known])[0]
  const choices: Choice<Route>[] = [
    ...(chat === undefined
      ? []
      : [{ value: 'telegram', label: 'My chat with the bot', hint: chat } as const]),
    { value: 'ntfy', label: 'ntfy', hint: 'push notification on your phone' },
    { value: 'webhook', label: 'A webhook', hint: 'signed according to Standard Webhooks' },
    { value: 'command', label: 'A program', hint: 'receives the alert on stdin' },
    {
      value: 'none',
      label: config.alerts.length > 0 ? 'No change' : 'Nowhere',
      hint: config.alerts.map(({ type }) => type).join(', ') || "you won't hear about outages",
    },
  ]
  const route = await choose(
    'Where should outage alerts go?',
    choices,
    config.alerts.length > 0 ? 'none' : undefined,
  )
  switch (route) {
    case 'telegram':
      log.info('Add a second route in config.yaml: Telegram itself may be down.')
      return [{ type: 'telegram', chat: chat! }]
    case 'ntfy': {
      const url = await line('URL of the topic', 'https://ntfy.sh/my-topic', urlProblem)
      const token = await hidden('Access token of the topic', (text) =>
        text === '' ? 'A token is required: anybody can read an open topic.' : undefined,
      )
      return [{ type: 'ntfy', url, token: new Secret(token) }]
    }
    case 'webhook': {
      const url = await line('URL to post to', 'https://example.org/hook', urlProblem)
      const secret = await hidden('Signing secret (leave empty to send unsigned)', () => undefined)
      return [{ type: 'webhook', url, secret: secret === '' ? null : new Secret(secret) }]
    }
    case 'command':
      return [
        { type: 'command', run: [await line('Path of the program', '/usr/local/bin/page-me', pathProblem)] },
      ]
    case 'none':
      return []
  }
}

function urlProblem(text: string): string | undefined {
  return addressProblem(text) ?? undefined
}

function pathProblem(text: string): string | undefined {
  return text.startsWith('/') ? undefined : 'Enter an absolute path, such as /usr/local/bin/page-me'
}
