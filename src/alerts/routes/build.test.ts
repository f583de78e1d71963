import { expect, test } from 'vitest'
import type { ChannelSettings } from '../../config/channels.ts'
import { mailServer } from '../../config/mail-server.ts'
import { ConfigurationError } from '../../support/errors.ts'
import { Secret } from '../../support/secret.ts'
import { buildRoutes, mailOf, type RouteSources } from './build.ts'

const UNNAMED = { host: null, port: null, secure: null }

const sender = { send: () => Promise.resolve() }

function sources(part: Partial<RouteSources>): RouteSources {
  return {
    alerts: [],
    homeChannels: [],
    operators: [],
    senders: new Map([['telegram', sender]]),
    mail: { address: null, smtp: null },
    processEnv: {},
    ...part,
  }
}

test('without configured routes the home channels come first, then the operators, each once', () => {
  const routes = buildRoutes(
    sources({
      homeChannels: [{ channel: 'telegram', address: '1' }],
      operators: [
        { channel: 'telegram', user: '1' },
        { channel: 'telegram', user: '2' },
        { channel: 'discord', user: '3' },
      ],
    }),
  )
  expect(routes.map(({ name }) => name)).toEqual(['telegram:1', 'telegram:2'])
})

test('configured routes stand alone, in their order', () => {
  const routes = buildRoutes(
    sources({
      alerts: [
        { type: 'webhook', url: new Secret('https://hook.example/x?TEST'), secret: null },
        { type: 'telegram', chat: '5' },
      ],
      homeChannels: [{ channel: 'telegram', address: '1' }],
    }),
  )
  expect(routes.map(({ name }) => name)).toEqual(['webhook:hook.example', 'telegram:5'])
})

test.each([
  ['an ntfy topic without a token', { type: 'ntfy', url: new Secret('https://ntfy.example/t'), token: null }],
  ['mail without a server', { type: 'email', to: 'a@example.net', from: null, smtp: null }],
] as const)('%s is a mistake of the configuration', (_what, alert) => {
  expect(() => buildRoutes(sources({ alerts: [alert] }))).toThrow(ConfigurationError)
})

test('the mail account of the environment serves alerts, TLS from the start unless the submission port is named', () => {
  const email = {
    address: 'bot@example.net',
    username: 'bot@example.net',
    password: new Secret('p@ss TEST'),
    smtp: mailServer('smtp', 'smtp.example.net', UNNAMED),
  } as ChannelSettings['email']
  expect(mailOf(email).smtp!.reveal()).toBe('smtps://bot%40example.net:p%40ss%20TEST@smtp.example.net:465')
  const submission = mailServer('smtp', 'smtp.example.net:587', UNNAMED)
  expect(mailOf({ ...email, smtp: submission }).smtp!.reveal()).toMatch(/^smtp:.*:587$/)
  const account = mailOf({ ...email, username: 'bot', smtp: mailServer('smtp', '[::1]', UNNAMED) })
  expect(account.smtp!.reveal()).toBe('smtps://bot:p%40ss%20TEST@[::1]:465')
  expect(mailOf({ ...email, password: null }).smtp).toBeNull()
})
