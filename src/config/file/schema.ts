import { z } from 'zod'
import { MAIL_HOST } from '../mail-server.ts'
import { DEFAULT_TEXTS, placeholdersOf, type TextKey } from '../texts.ts'
import { DEFAULTS as D } from './defaults.ts'
import {
  address,
  argv,
  count,
  duration,
  flag,
  matrixRoom,
  numericId,
  openAddress,
  section,
  shaped,
  snowflake,
  text,
} from './schema-words.ts'
import { webhooks } from './webhook-schema.ts'

/**
 * The shape of `config.yaml`. The JSON Schema is written from it at build time, for
 * editors and for the check at a start (see `check.ts`). It only checks and fills in
 * defaults: `to-config.ts` makes durations into milliseconds and wraps secrets.
 */

const oauth = section(
  'How an account is signed in. Replace it to use an OAuth client or proxy of your own.',
  {
    authorize_url: address('The page on which a person signs in.').default(D.auth.oauth.authorize_url),
    token_urls: z
      .array(address('A token endpoint.'))
      .min(1)
      .meta({ description: 'Token endpoints in order of trial.' })
      .default([...D.auth.oauth.token_urls]),
    client_id: text('The public client id.').default(D.auth.oauth.client_id),
    redirect_uri: address('Where the page sends the code; the default shows it for copying.').default(
      D.auth.oauth.redirect_uri,
    ),
    scopes: z
      .array(z.string().min(1))
      .min(1)
      .meta({ description: 'Scopes asked for at sign-in.' })
      .default([...D.auth.oauth.scopes]),
    user_agent: text('How requests to the token endpoint name this program; <version> is filled in.').default(
      D.auth.oauth.user_agent,
    ),
    headers: z
      .record(z.string(), z.string())
      .meta({ description: 'Further headers of requests to the token endpoint.' })
      .default({}),
  },
)

const model = section('The model and where it is asked.', {
  provider: z
    .enum(['anthropic', 'auto'])
    .meta({
      description: 'This gateway knows one provider; auto means the same.',
      'x-expected': 'expected anthropic (or auto, which means the same): no other provider is supported',
    })
    .default(D.model.provider),
  default: text("The model's id.").default(D.model.default),
  base_url: address(
    'Where the Messages API is. Credentials go only to https hosts named here and in auth.oauth, or to this machine. ANTHROPIC_BASE_URL wins.',
  ).default(D.model.base_url),
  max_tokens: count('Tokens of one answer at most.', 1, 1_000_000).default(D.model.max_tokens),
  context_length: count(
    "Tokens of the model's context window, to which the history is trimmed.",
    1_000,
    100_000_000,
  ).default(D.model.context_length),
})

const auth = section('How the gateway gets and keeps its credential.', {
  adopt_claude_code: z
    .union([z.literal('auto'), z.boolean()])
    .meta({
      description:
        "Use Claude Code's sign-in of this machine. auto: only beside a configured OAuth token that has no refresh source.",
    })
    .default(D.auth.adopt_claude_code),
  fallback_api_key: flag(
    'While the OAuth sign-in is dead, use ANTHROPIC_API_KEY (visible in the status and in an alert).',
  ).default(D.auth.fallback_api_key),
  refresh_command: argv(
    'A program and its arguments that print a token, for vaults: minimal environment, 30 s, 64 KiB, one at a time.',
  )
    .nullable()
    .default(D.auth.refresh_command),
  oauth: oauth.prefault({}),
})

const texts = z
  .strictObject(
    Object.fromEntries(
      Object.entries(DEFAULT_TEXTS).map(([key, sentence]) => [
        key,
        z
          .string()
          .min(1)
          .refine((value) => placeholdersOf(value).every((name) => placeholdersOf(sentence).includes(name)))
          .meta({
            description: `Instead of: ${sentence}`,
            'x-placeholders': placeholdersOf(sentence),
          })
          .optional(),
      ]),
    ) as Record<TextKey, z.ZodOptional<z.ZodString>>,
  )
  .meta({ description: 'Sentences that people read, to be replaced or translated.' })

const gateway = section('The gateway itself.', {
  host: text(
    'The address to listen on. Another one than this machine: the start is refused unless gateway.token existed before.',
  ).default(D.gateway.host),
  port: count('The port to listen on.', 1, 65_535).default(D.gateway.port),
  public_urls: z
    .array(
      openAddress(
        /^https?:\/\/[^\s/?#@]+\/?$/,
        'an address without a path, such as https://chat.example.org',
        'An address without a path.',
      ),
    )
    .meta({ description: 'Addresses by which people reach the gateway (checked against Host and Origin).' })
    .default([]),
  operators: z
    .array(shaped(/^[a-z]+:.+$/, 'a channel and a user id, such as telegram:12345', 'An operator.'))
    .meta({ description: 'Who may run /login and operator commands, such as telegram:12345.' })
    .default([]),
  hold: section('Messages that wait for recovery.', {
    max_age: duration('Observed outage after which a held message is given up:').default(
      D.gateway.hold.max_age,
    ),
    max_per_conversation: count('Held messages in one conversation at most.', 1, 100_000).default(
      D.gateway.hold.max_per_conversation,
    ),
    max_total: count('Held messages at most.', 1, 10_000_000).default(D.gateway.hold.max_total),
    merge: flag('Messages of one person held together become one turn.').default(D.gateway.hold.merge),
  }).prefault({}),
  retention: section('How long things are kept.', {
    messages: duration('Messages:').default(D.gateway.retention.messages),
    attachments: duration('Attachments:').default(D.gateway.retention.attachments),
    figures: duration('Usage and other figures:').default(D.gateway.retention.figures),
  }).prefault({}),
  texts: texts.prefault({}),
  concurrency: count('Conversations answered at the same time.', 1, 10_000).default(D.gateway.concurrency),
  rate_per_person: count('Messages a minute from one person.', 1, 100_000).default(D.gateway.rate_per_person),
  drain_rate: count('Held turns begun a second after an outage.', 1, 10_000).default(D.gateway.drain_rate),
  log_level: z
    .enum(['trace', 'debug', 'info', 'warn', 'error'])
    .meta({ description: 'The least important lines that are logged.' })
    .default(D.gateway.log_level),
})

const storage = section('Where messages are kept.', {
  url: shaped(
    /^sqlite$|^postgres(ql)?:\/\/\S+$/,
    'sqlite, or postgres://user@host/database',
    'sqlite (a file in the home), or postgres://user@host/database.',
  ).default(D.storage.url),
  secret_key_file: text(
    'A file (0600) with the key that encrypts the sign-in in PostgreSQL; HERMES_SECRET_KEY if left out.',
  )
    .nullable()
    .default(D.storage.secret_key_file),
})

const alerts = z
  .array(
    z.discriminatedUnion('type', [
      section('A Telegram chat.', { type: z.literal('telegram'), chat: numericId("The chat's numeric id.") }),
      section('E-mail.', {
        type: z.literal('email'),
        to: text('Who gets it.'),
        from: text('The sender; EMAIL_ADDRESS if left out.').optional(),
        smtp: openAddress(
          /^smtps?:\/\/\S+$/,
          'an address such as smtps://user:password@host:465',
          'smtps://user:password@host:465; the EMAIL_* variables if left out.',
        ).optional(),
      }),
      section('A webhook, signed after Standard Webhooks.', {
        type: z.literal('webhook'),
        url: openAddress(/^https?:/, 'an address that begins with https://', 'The address to post to.'),
        secret: text('The secret to sign with: whsec_… or any text.').optional(),
      }),
      section('A topic of an ntfy server.', {
        type: z.literal('ntfy'),
        url: address('The address of the topic.'),
        token: text('The access token, if the topic needs one.').optional(),
      }),
      section('A program that is run with the alert on its standard input.', {
        type: z.literal('command'),
        run: argv('The program and its arguments.'),
      }),
    ]),
  )
  .meta({
    description:
      "Where alerts go, in order of trial. Empty: every *_HOME_CHANNEL, then the operators' private chats.",
  })

const mailServer = (protocol: string, variable: string) =>
  section(`The ${protocol} server.`, {
    host: shaped(MAIL_HOST, 'a host, such as mail.example.org', `Its name; ${variable} wins.`)
      .nullable()
      .default(null),
    port: count('Its port.', 1, 65_535).nullable().default(null),
    secure: flag(
      'true: TLS from the first byte. false: STARTTLS, which only a server on this machine may lack. Left out: by the port.',
    )
      .nullable()
      .default(null),
  }).prefault({})

const channels = section('The ways in which people talk to the gateway.', {
  web: section('The chat page that the gateway serves.', {
    enabled: flag('Serve it.').default(D.channels.web.enabled),
  }).prefault({}),
  openai: section('The OpenAI-compatible address /v1/chat/completions, behind a bearer token.', {
    enabled: flag('Serve it.').default(D.channels.openai.enabled),
  }).prefault({}),
  telegram: section('Telegram; needs TELEGRAM_BOT_TOKEN. Variables of the environment win over these keys.', {
    enabled: flag('false keeps the channel closed although its token is there.').default(true),
    api_root: address('The Bot API server; plain http only to this machine.').default(
      D.channels.telegram.api_root,
    ),
    allowed_users: z
      .array(numericId('A numeric user id.'))
      .meta({ description: 'Who may talk, by numeric id (TELEGRAM_ALLOWED_USERS).' })
      .default([]),
    group_allowed_chats: z
      .array(numericId('A numeric chat id.'))
      .meta({ description: 'Groups in which anybody may talk (TELEGRAM_GROUP_ALLOWED_CHATS).' })
      .default([]),
    home_channel: numericId('The chat for alerts (TELEGRAM_HOME_CHANNEL).').nullable().default(null),
    require_mention: flag(
      'In groups, answer only when mentioned or replied to (TELEGRAM_REQUIRE_MENTION).',
    ).default(D.channels.telegram.require_mention),
  }).prefault({}),
  discord: section(
    'Discord; needs DISCORD_BOT_TOKEN. Write ids in quotes: YAML cannot hold such numbers. Variables of the environment win over these keys.',
    {
      enabled: flag('false keeps the channel closed although its token is there.').default(true),
      api_root: address("Another server instead of Discord's own; plain http only to this machine.")
        .nullable()
        .default(null),
      allowed_users: z
        .array(snowflake('A user id (Copy User ID in developer mode).'))
        .meta({ description: 'Who may talk, by id (DISCORD_ALLOWED_USERS).' })
        .default([]),
      allowed_roles: z
        .array(snowflake('A role id.'))
        .meta({ description: 'Roles whose members may talk in servers.' })
        .default([]),
      allowed_channels: z
        .array(snowflake('A channel id.'))
        .meta({ description: 'Channels of servers in which anybody may talk, their threads included.' })
        .default([]),
      home_channel: snowflake('The channel for alerts (DISCORD_HOME_CHANNEL).').nullable().default(null),
      require_mention: flag('In servers, answer only when mentioned or replied to.').default(
        D.channels.discord.require_mention,
      ),
    },
  ).prefault({}),
  slack: section(
    'Slack; needs SLACK_BOT_TOKEN and SLACK_APP_TOKEN. Variables of the environment win over these keys.',
    {
      enabled: flag('false keeps the channel closed although its tokens are there.').default(true),
      api_root: address(
        "Another root of the Web API instead of Slack's own (https://slack.com/api); plain http only to this machine.",
      )
        .nullable()
        .default(null),
      allowed_users: z
        .array(shaped(/^([UW][A-Z0-9]+|\*)$/, 'a member ID, such as U012AB3CD', 'A member ID.'))
        .meta({ description: 'Who may talk, by member ID (SLACK_ALLOWED_USERS).' })
        .default([]),
      allowed_channels: z
        .array(shaped(/^[CG][A-Z0-9]+$/, 'a channel ID, such as C012AB3CD', 'A channel ID.'))
        .meta({ description: 'Channels in which anybody may talk.' })
        .default([]),
      home_channel: shaped(
        /^[CDGUW][A-Z0-9]+$/,
        'the ID of a channel or member, such as C012AB3CD',
        'Where alerts go (SLACK_HOME_CHANNEL).',
      )
        .nullable()
        .default(null),
      require_mention: flag(
        'In channels, answer only when mentioned, or in threads that it has a part in.',
      ).default(D.channels.slack.require_mention),
    },
  ).prefault({}),
  matrix: section('Matrix; needs MATRIX_HOMESERVER and MATRIX_ACCESS_TOKEN.', {
    enabled: flag('false keeps the channel closed although its token is there.').default(true),
    api_root: address(
      "Where the homeserver's client API is; wins over MATRIX_HOMESERVER. Plain http only to this machine.",
    )
      .nullable()
      .default(null),
    allowed_users: z
      .array(shaped(/^@[^\s:]+:\S+$|^\*$/, 'a user id, such as @ada:example.org', 'A user id.'))
      .meta({
        description: 'Who may talk and invite the bot, by id (MATRIX_ALLOWED_USERS, which wins).',
      })
      .default([]),
    allowed_rooms: z
      .array(matrixRoom("A room's id."))
      .meta({ description: 'Rooms in which anybody may talk, and into which anybody may invite the bot.' })
      .default([]),
    home_channel: matrixRoom('The room for alerts.').nullable().default(null),
    require_mention: flag('In rooms of several people, answer only when mentioned or replied to.').default(
      D.channels.matrix.require_mention,
    ),
  }).prefault({}),
  email: section('E-mail; needs EMAIL_ADDRESS, EMAIL_PASSWORD and both hosts.', {
    enabled: flag('false keeps the channel closed although its password is there.').default(true),
    allowed_users: z
      .array(text('A mail address.'))
      .meta({ description: 'Who may write, by mail address (EMAIL_ALLOWED_USERS).' })
      .default([]),
    authserv_id: shaped(
      /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/,
      "the name at the beginning of your server's Authentication-Results, such as mx.example.org",
      "The name under which the receiving server writes its verdict on the sender (the first word of Authentication-Results). Without it nobody's mail is taken, for no sender can be proved.",
    )
      .nullable()
      .default(null),
    username: text("The account's name, where it is not EMAIL_ADDRESS.").nullable().default(null),
    mailbox: text('The folder that is read.').default(D.channels.email.mailbox),
    mails_per_hour: count(
      'Mails of one person that are answered within an hour. More are a loop between two programs, which ends in silence.',
      1,
      100_000,
    ).default(D.channels.email.mails_per_hour),
    imap: mailServer('IMAP', 'EMAIL_IMAP_HOST'),
    smtp: mailServer('SMTP', 'EMAIL_SMTP_HOST'),
  }).prefault({}),
})

export const configFileSchema = section('Hermes Gateway', {
  model: model.prefault({}),
  auth: auth.prefault({}),
  gateway: gateway.prefault({}),
  storage: storage.prefault({}),
  alerts: alerts.default([]),
  webhooks: webhooks.default([]),
  channels: channels.prefault({}),
})

/** `config.yaml` with its defaults filled in. */
export type ConfigFile = DeepReadonly<z.output<typeof configFileSchema>>

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T
