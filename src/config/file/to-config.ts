import { ConfigurationError } from '../../support/errors.ts'
import { VERSION } from '../../support/package.ts'
import { Secret } from '../../support/secret.ts'
import { normalBaseUrl, withoutTrailingSlash } from '../addresses.ts'
import type { AlertRouteConfig, Config, PlatformConfig, WebhookConfig } from '../config.ts'
import { parseDuration } from '../duration.ts'
import { DEFAULT_TEXTS, type Texts } from '../texts.ts'
import type { ConfigFile } from './schema.ts'

/** A checked `config.yaml` as the program uses it: milliseconds, secrets wrapped, ids as text. */
export function toConfig(file: ConfigFile): Config {
  const { model, auth, gateway, channels } = file
  return {
    model: {
      provider: 'anthropic',
      default: modelId(model.default),
      baseUrl: normalBaseUrl(model.base_url),
      maxTokens: model.max_tokens,
      contextLength: model.context_length,
    },
    auth: {
      adoptClaudeCode: auth.adopt_claude_code,
      fallbackApiKey: auth.fallback_api_key,
      refreshCommand: auth.refresh_command,
      oauth: {
        authorizeUrl: auth.oauth.authorize_url,
        tokenUrls: auth.oauth.token_urls,
        clientId: auth.oauth.client_id,
        redirectUri: auth.oauth.redirect_uri,
        scopes: auth.oauth.scopes,
        userAgent: auth.oauth.user_agent.replaceAll('<version>', VERSION),
        headers: auth.oauth.headers,
      },
    },
    gateway: {
      host: gateway.host,
      port: gateway.port,
      publicUrls: gateway.public_urls.map((url) => new URL(url).origin),
      operators: gateway.operators.map((operator) => {
        const colon = operator.indexOf(':')
        return { channel: operator.slice(0, colon), user: operator.slice(colon + 1) }
      }),
      hold: {
        maxAgeMs: parseDuration(gateway.hold.max_age),
        maxPerConversation: gateway.hold.max_per_conversation,
        maxTotal: gateway.hold.max_total,
        merge: gateway.hold.merge,
      },
      retention: {
        messagesMs: parseDuration(gateway.retention.messages),
        attachmentsMs: parseDuration(gateway.retention.attachments),
        figuresMs: parseDuration(gateway.retention.figures),
      },
      texts: { ...DEFAULT_TEXTS, ...withoutUndefined(gateway.texts) } as Texts,
      concurrency: gateway.concurrency,
      personRate: gateway.rate_per_person,
      drainRate: gateway.drain_rate,
      logLevel: gateway.log_level,
    },
    storage:
      file.storage.url === 'sqlite'
        ? { kind: 'sqlite' }
        : {
            kind: 'postgres',
            url: new Secret(file.storage.url),
            secretKeyFile: file.storage.secret_key_file,
          },
    alerts: file.alerts.map(alertRoute),
    webhooks: webhooks(file.webhooks),
    channels: {
      web: { enabled: channels.web.enabled },
      openai: { enabled: channels.openai.enabled },
      telegram: {
        enabled: channels.telegram.enabled,
        apiRoot: withoutTrailingSlash(channels.telegram.api_root),
        allowedUsers: channels.telegram.allowed_users.map(String),
        groupAllowedChats: channels.telegram.group_allowed_chats.map(String),
        homeChannel: channels.telegram.home_channel === null ? null : String(channels.telegram.home_channel),
        requireMention: channels.telegram.require_mention,
      },
      discord: {
        ...platform(channels.discord),
        allowedUsers: channels.discord.allowed_users.map(String),
        allowedRoles: channels.discord.allowed_roles.map(String),
        allowedChannels: channels.discord.allowed_channels.map(String),
        homeChannel: channels.discord.home_channel === null ? null : String(channels.discord.home_channel),
        requireMention: channels.discord.require_mention,
      },
      slack: {
        ...platform(channels.slack),
        allowedUsers: channels.slack.allowed_users,
        allowedChannels: channels.slack.allowed_channels,
        homeChannel: channels.slack.home_channel,
        requireMention: channels.slack.require_mention,
      },
      matrix: {
        ...platform(channels.matrix),
        allowedUsers: channels.matrix.allowed_users,
        allowedRooms: channels.matrix.allowed_rooms,
        homeChannel: channels.matrix.home_channel,
        requireMention: channels.matrix.require_mention,
      },
      email: {
        enabled: channels.email.enabled,
        allowedUsers: channels.email.allowed_users,
        authservId: channels.email.authserv_id,
        username: channels.email.username,
        mailbox: channels.email.mailbox,
        mailsPerHour: channels.email.mails_per_hour,
        imap: channels.email.imap,
        smtp: channels.email.smtp,
      },
    },
  }
}

/** Hermes Agent writes `anthropic/claude-opus-4.6`; the Messages API knows `claude-opus-4-6`. */
function modelId(name: string): string {
  const id = name.replace(/^anthropic\//, '')
  return id.startsWith('claude-') ? id.replaceAll('.', '-') : id
}

function platform(file: Pick<ConfigFile['channels']['slack'], 'enabled' | 'api_root'>): PlatformConfig {
  return {
    enabled: file.enabled,
    apiRoot: file.api_root === null ? null : withoutTrailingSlash(file.api_root),
  }
}

function alertRoute(route: ConfigFile['alerts'][number]): AlertRouteConfig {
  switch (route.type) {
    case 'telegram':
      return { type: 'telegram', chat: String(route.chat) }
    case 'email':
      return { type: 'email', to: route.to, from: route.from ?? null, smtp: secret(route.smtp) }
    case 'webhook':
      // Addresses of chat services' webhooks are secrets by themselves.
      return { type: 'webhook', url: new Secret(route.url), secret: secret(route.secret) }
    case 'ntfy':
      return { type: 'ntfy', url: new Secret(route.url), token: secret(route.token) }
    case 'command':
      return { type: 'command', run: route.run }
  }
}

/** @throws ConfigurationError when two have one name */
function webhooks(file: ConfigFile['webhooks']): WebhookConfig[] {
  const twice = file.find(({ name }, index) => file.findIndex((other) => other.name === name) < index)
  if (twice) throw new ConfigurationError(`webhooks: two of them have the name "${twice.name}".`)
  return file.map(({ name, secret, deliver_to: target, prompt }) => {
    const colon = target.indexOf(':')
    return {
      name,
      secret: new Secret(secret),
      deliverTo: { channel: target.slice(0, colon), address: target.slice(colon + 1) },
      prompt: prompt ?? null,
    }
  })
}

function secret(value: string | undefined): Secret | null {
  return value === undefined ? null : new Secret(value)
}

function withoutUndefined<Value>(values: Readonly<Record<string, Value | undefined>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Record<
    string,
    Value
  >
}
