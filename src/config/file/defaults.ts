import { SECOND } from '../../support/clock.ts'

/**
 * Every default of the configuration, in the shape of `config.yaml`. The schema, the
 * JSON Schema for editors and a start without a `config.yaml` all take them from here.
 */
export const DEFAULTS = {
  model: {
    provider: 'anthropic',
    // The Sonnet class is the general-purpose one of the SDK's models: good enough for
    // chat at a fraction of the largest one's price.
    default: 'claude-sonnet-5-5',
    base_url: 'https://api.anthropic.com',
    // A long chat answer is about 3,000 words; a runaway one ends here.
    max_tokens: 4_096,
    // The context window that every current model has at least.
    context_length: 200_000,
  },
  auth: {
    adopt_claude_code: 'auto',
    fallback_api_key: false,
    refresh_command: null,
    // Read in shipped packages and public threads, promised by nobody: an organisation
    // with an OAuth client or a proxy of its own replaces them.
    oauth: {
      authorize_url: 'https://claude.com/cai/oauth/authorize',
      token_urls: [
        'https://platform.claude.com/v1/oauth/token',
        // The old host, known to answer 500: a last resort, never the first.
        'https://console.anthropic.com/v1/oauth/token',
      ],
      client_id: '9d1c250a-e61b-44d9-88ed-5944d1962f5e',
      // This page shows `code#state` for copying, which is what a server without a browser needs.
      redirect_uri: 'https://platform.claude.com/oauth/code/callback',
      // The least that inference and naming the account need.
      scopes: ['user:profile', 'user:inference'],
      // An own name: this program does not pretend to be another one.
      user_agent: 'hermes-gateway/<version>',
      headers: {},
    },
  },
  gateway: {
    host: '127.0.0.1',
    port: 8642,
    public_urls: [],
    operators: [],
    hold: {
      // Longer than the longest weekend without an operator, short enough that an answer still makes sense.
      max_age: '7d',
      // More than a person writes while waiting, less than a flood needs to hurt others.
      max_per_conversation: 50,
      // 200 full conversations: some tens of megabytes on disk.
      max_total: 10_000,
      merge: true,
    },
    // Attachments are large and read again only while their turn is recent.
    retention: { messages: '90d', attachments: '7d', figures: '1y' },
    texts: {},
    // Beyond this the provider's limit of concurrent requests is what waits.
    concurrency: 50,
    // Nobody types faster than this for a whole minute.
    rate_per_person: 20,
    // Drains a weekend's messages in minutes without running into the provider's rate limit.
    drain_rate: 5,
    log_level: 'info',
  },
  storage: { url: 'sqlite', secret_key_file: null },
  alerts: [],
  webhooks: [],
  channels: {
    web: { enabled: true },
    // Nothing is open without a token, so there is nothing to be careful about.
    openai: { enabled: true },
    telegram: {
      enabled: true,
      api_root: 'https://api.telegram.org',
      allowed_users: [],
      group_allowed_chats: [],
      home_channel: null,
      // Groups talk about other things, too.
      require_mention: true,
    },
    discord: {
      enabled: true,
      api_root: null,
      allowed_users: [],
      allowed_roles: [],
      allowed_channels: [],
      home_channel: null,
      require_mention: true,
    },
    slack: {
      enabled: true,
      api_root: null,
      allowed_users: [],
      allowed_channels: [],
      home_channel: null,
      require_mention: true,
    },
    matrix: {
      enabled: true,
      api_root: null,
      allowed_users: [],
      allowed_rooms: [],
      home_channel: null,
      require_mention: true,
    },
    email: {
      enabled: true,
      allowed_users: [],
      // Unknown until the operator names it: a verdict that anybody may write proves nothing.
      authserv_id: null,
      username: null,
      // The folder that every IMAP server has. @see RFC 9051 §5.1
      mailbox: 'INBOX',
      // A person who writes a mail a minute for an hour is a program.
      mails_per_hour: 60,
      imap: { host: null, port: null, secure: null },
      smtp: { host: null, port: null, secure: null },
    },
  },
} as const

/** The longest time between a change of `.env` and its use, where the file system tells nothing. */
export const ENVIRONMENT_POLL_MS = 4 * SECOND
