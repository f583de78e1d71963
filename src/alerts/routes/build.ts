import type { ChannelSettings } from '../../config/channels.ts'
import type { AlertRouteConfig, Operator } from '../../config/config.ts'
import { ConfigurationError } from '../../support/errors.ts'
import { Secret } from '../../support/secret.ts'
import type { AlertRoute } from '../alert.ts'
import { chatRoute, type ChatSender } from './chat.ts'
import { commandRoute } from './command.ts'
import { emailRoute } from './email.ts'
import { ntfyRoute } from './ntfy.ts'
import { webhookRoute } from './webhook.ts'

export interface RouteSources {
  readonly alerts: readonly AlertRouteConfig[]
  /** The `*_HOME_CHANNEL`s. */
  readonly homeChannels: ReadonlyArray<{ readonly channel: string; readonly address: string }>
  readonly operators: readonly Operator[]
  /** By channel; one that is missing cannot be sent to. */
  readonly senders: ReadonlyMap<string, ChatSender>
  /** For email routes without their own server. */
  readonly mail: { readonly address: string | null; readonly smtp: Secret | null }
  /** The command route decides which variables its program gets. */
  readonly processEnv: Readonly<NodeJS.ProcessEnv>
}

/** The mail account of the environment as an SMTP address for alerts; `smtps` where the server expects TLS from the start. */
export function mailOf(email: ChannelSettings['email']): RouteSources['mail'] {
  const { address, username, password, smtp } = email
  if (address === null || username === null || password === null || smtp === null) {
    return { address, smtp: null }
  }
  const scheme = smtp.secure ? 'smtps' : 'smtp'
  const login = `${encodeURIComponent(username)}:${encodeURIComponent(password.reveal())}`
  const host = smtp.host.includes(':') ? `[${smtp.host}]` : smtp.host
  return { address, smtp: new Secret(`${scheme}://${login}@${host}:${smtp.port}`) }
}

/**
 * The routes in the order they are tried: those configured, else every home channel, then the
 * operators' private chats.
 *
 * @throws ConfigurationError for a route that cannot work as configured
 */
export function buildRoutes(sources: RouteSources): readonly AlertRoute[] {
  if (sources.alerts.length > 0) return sources.alerts.map((route) => configured(route, sources))
  const chats = [
    ...sources.homeChannels,
    ...sources.operators.map(({ channel, user }) => ({ channel, address: user })),
  ]
  const seen = new Set<string>()
  return chats.flatMap(({ channel, address }) => {
    const sender = sources.senders.get(channel)
    const name = `${channel}:${address}`
    if (!sender || seen.has(name)) return []
    seen.add(name)
    return [chatRoute(channel, address, sender)]
  })
}

function configured(route: AlertRouteConfig, sources: RouteSources): AlertRoute {
  switch (route.type) {
    case 'telegram': {
      const sender = sources.senders.get(route.type)
      if (!sender)
        throw new ConfigurationError(`alerts: a ${route.type} route needs the token of that platform's bot`)
      return chatRoute(route.type, route.chat, sender)
    }
    case 'email': {
      const smtp = route.smtp ?? sources.mail.smtp
      const from = route.from ?? sources.mail.address ?? route.to
      if (!smtp) throw new ConfigurationError('alerts: an email route needs smtp, or EMAIL_SMTP_HOST')
      return emailRoute({ to: route.to, from, smtp })
    }
    case 'webhook':
      return webhookRoute({ url: route.url, secret: route.secret })
    case 'ntfy':
      if (!route.token) {
        throw new ConfigurationError(
          'alerts: an ntfy route needs a token, for anybody can read and write an open topic',
        )
      }
      return ntfyRoute({ url: route.url, token: route.token })
    case 'command':
      return commandRoute(route.run, sources.processEnv)
  }
}
