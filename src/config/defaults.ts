import { DAY, SECOND } from '../support/clock.ts'

/**
 * Every default of the configuration, named once. The schema, the JSON Schema for
 * editors and the documented example are all written from these.
 */

/** The Sonnet class is the SDK's general-purpose model: good enough for chat, at a third of the largest one's price. */
export const DEFAULT_MODEL = 'claude-sonnet-5-5'

export const DEFAULT_BASE_URL = 'https://api.anthropic.com'

/** Enough for a long chat answer (about 3,000 words); a runaway answer ends here. */
export const DEFAULT_MAX_TOKENS = 4_096

/** Tokens of the context window that every current Claude model has at least. */
export const DEFAULT_CONTEXT_LENGTH = 200_000

/**
 * OAuth of an Anthropic account (public client, PKCE). Read in shipped packages and
 * public threads, not promised by anybody: an organisation with its own client or
 * proxy replaces them under `auth.oauth`.
 */
export const DEFAULT_OAUTH = {
  authorizeUrl: 'https://claude.com/cai/oauth/authorize',
  /** In order of trial. The last is the old host, known to answer 500: a last resort, never the first. */
  tokenUrls: ['https://platform.claude.com/v1/oauth/token', 'https://console.anthropic.com/v1/oauth/token'],
  clientId: '9d1c250a-e61b-44d9-88ed-5944d1962f5e',
  /** This page shows `code#state` for copying, which is what a server without a browser needs. */
  redirectUri: 'https://platform.claude.com/oauth/code/callback',
  /** The least that inference and naming the account need. */
  scopes: ['user:profile', 'user:inference'],
  /** `<version>` is replaced by this program's version. */
  userAgent: 'hermes-gateway/<version>',
} as const

export const DEFAULT_HOST = '127.0.0.1'
export const DEFAULT_PORT = 8642

/** A week: longer than the longest weekend without an operator, short enough that an answer still makes sense. */
export const DEFAULT_HOLD_MAX_AGE_MS = 7 * DAY
/** More than a person writes while waiting; less than a flood needs to hurt others. */
export const DEFAULT_HOLD_PER_CONVERSATION = 50
/** 200 full conversations: a few tens of megabytes on disk. */
export const DEFAULT_HOLD_TOTAL = 10_000

export const DEFAULT_KEEP_MESSAGES_MS = 90 * DAY
/** Attachments are large and are read again only while their turn is recent. */
export const DEFAULT_KEEP_ATTACHMENTS_MS = 7 * DAY
export const DEFAULT_KEEP_FIGURES_MS = 365 * DAY

/** Conversations answered at the same time; more than the provider's usual limit of concurrent requests lets through. */
export const DEFAULT_CONCURRENCY = 50
/** Messages a minute from one person before a polite refusal; nobody types faster for long. */
export const DEFAULT_PERSON_RATE = 20
/** Held turns begun a second after an outage: quick to drain, slow enough not to run into the provider's rate limit. */
export const DEFAULT_DRAIN_RATE = 5

export const DEFAULT_TELEGRAM_API_ROOT = 'https://api.telegram.org'

/** The longest time between a change of `.env` and its use, where the file system sends no events. */
export const ENVIRONMENT_POLL_MS = 4 * SECOND
