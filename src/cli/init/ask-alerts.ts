import { log } from '@clack/prompts'
import { addressProblem } from '../../config/addresses.ts'
import { Secret } from '../../support/secret.ts'
import type { AlertChoice } from './answers.ts'
import type { TelegramAnswers } from './ask-telegram.ts'
import { choose, hidden, line, type Choice } from './ask.ts'
import type { Found } from './look-around.ts'
import { telegramUsers } from './scripted.ts'

type Route = 'telegram' | 'ntfy' | 'webhook' | 'command' | 'none'

/** Where the operator is told of an outage. */
export async function askAlerts(found: Found, people: TelegramAnswers): Promise<readonly AlertChoice[]> {
  const { config } = found.settings
  const known = config.gateway.operators.map(({ channel, user }) => `${channel}:${user}`)
  const chat = telegramUsers([...people.operators, ...known])[0]
  const choices: Choice<Route>[] = [
    ...(chat === undefined
      ? []
      : [{ value: 'telegram', label: 'In my chat with the bot', hint: chat } as const]),
    { value: 'ntfy', label: 'ntfy', hint: 'a push to your phone' },
    { value: 'webhook', label: 'A webhook', hint: 'signed after Standard Webhooks' },
    { value: 'command', label: 'A program of yours', hint: 'given the alert on its input' },
    {
      value: 'none',
      label: config.alerts.length > 0 ? 'As it is' : 'Nowhere',
      hint: config.alerts.map(({ type }) => type).join(', ') || 'you find out by looking',
    },
  ]
  const route = await choose(
    'Where shall an outage be told?',
    choices,
    config.alerts.length > 0 ? 'none' : undefined,
  )
  switch (route) {
    case 'telegram':
      log.info('Telegram itself may be what is down: a second route in config.yaml is no luxury.')
      return [{ type: 'telegram', chat: chat! }]
    case 'ntfy': {
      const url = await line('The address of the topic', 'https://ntfy.sh/my-topic', urlProblem)
      const token = await hidden('Its access token', (text) =>
        text === '' ? 'Anybody can read an open topic.' : undefined,
      )
      return [{ type: 'ntfy', url, token: new Secret(token) }]
    }
    case 'webhook': {
      const url = await line('The address to post to', 'https://example.org/hook', urlProblem)
      const secret = await hidden('The secret to sign with (empty: unsigned)', () => undefined)
      return [{ type: 'webhook', url, secret: secret === '' ? null : new Secret(secret) }]
    }
    case 'command':
      return [{ type: 'command', run: [await line('The program', '/usr/local/bin/page-me', pathProblem)] }]
    case 'none':
      return []
  }
}

function urlProblem(text: string): string | undefined {
  return addressProblem(text) ?? undefined
}

function pathProblem(text: string): string | undefined {
  return text.startsWith('/') ? undefined : 'The full path of a program, such as /usr/local/bin/page-me'
}
