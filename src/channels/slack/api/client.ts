import { AsyncLocalStorage } from 'node:async_hooks'
import type {
  ChatPostMessageResponse,
  FetchFunction,
  Logger,
  LogLevel,
  WebAPICallResult,
  WebClient,
} from '@slack/web-api'
import { SECOND, within } from '../../../support/clock.ts'
import { limitBody } from '../../../support/limit-body.ts'
import type { Log } from '../../../support/log.ts'
import { VERSION } from '../../../support/package.ts'
import type { Secret } from '../../../support/secret.ts'
import { networkCode } from '../../kit/failure.ts'
import { discard, download, DOWNLOAD_TIMEOUT_MS, MAX_ANSWER_BYTES } from '../../kit/files/download.ts'
import { retryAfterIn } from '../../kit/retry.ts'
import type { SlackMessage } from '../intake/message.ts'
import { rateLimited, refused, SlackFailure } from './failure.ts'

const SLACK_API = 'https://slack.com/api'
/** No ordinary call takes this long; after that it counts as failed and can be repeated. */
const CALL_TIMEOUT_MS = 30 * SECOND
const TOO_MANY = 429

export const USER_AGENT = `hermes-gateway/${VERSION}`

export interface ClientOptions {
  readonly token: Secret
  /** The root of the Web API, such as `https://slack.com/api`; null = Slack's own. */
  readonly apiRoot: string | null
  readonly log: Log
  /** The global `fetch` unless a test listens; looked up at each call, so that a proxy set later holds. */
  readonly fetch?: typeof fetch
}

/** Who a bot token is. */
export interface SlackIdentity {
  readonly userId: string
  readonly botId: string | null
  readonly name: string
  readonly team: string
  /** As the server lists them; null = it did not. */
  readonly scopes: readonly string[] | null
}

export interface Page {
  readonly messages: readonly SlackMessage[]
  /** Where the next page begins; null = this is the last one. */
  readonly next: string | null
}

export interface PageRequest {
  readonly channel: string
  /** Only messages after this time stamp. */
  readonly oldest: string
  readonly cursor: string | null
  readonly limit: number
  readonly metadata?: boolean
}

export interface NewMessage {
  readonly channel: string
  readonly thread: string | null
  readonly text: string
  /** Comes back with the message from its history. */
  readonly key: string
}

/** What marks our own messages, so that one can be found again by its key. */
const METADATA_TYPE = 'hermes_message'

/**
 * The calls of the Web API that this channel makes. The library neither retries nor waits:
 * callers decide that.
 *
 * Every method throws a SlackFailure, or the signal's reason when aborted.
 */
export class SlackClient {
  #web: Promise<WebClient> | null = null
  readonly #options: ClientOptions
  readonly #root: string
  readonly #fetch: typeof fetch
  /** The library accepts no signal per call. */
  readonly #calls = new AsyncLocalStorage<{ readonly method: string; readonly signal: AbortSignal }>()
  /** What Slack's clock is ahead of ours, in milliseconds. */
  #aheadMs = 0

  constructor(options: ClientOptions) {
    this.#options = options
    this.#root = options.apiRoot ?? SLACK_API
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init))
  }

  /** Slack's clock in epoch milliseconds, as its answers show it; ids of messages are times of it. */
  serverTime(now: number): number {
    return now + this.#aheadMs
  }

  async authTest(signal: AbortSignal): Promise<SlackIdentity> {
    const answer = await this.#call('auth.test', signal, (web) => web.auth.test())
    if (!answer.user_id) throw new SlackFailure('server', 'auth.test', 'named nobody')
    return {
      userId: answer.user_id,
      botId: answer.bot_id ?? null,
      name: answer.user ?? answer.user_id,
      team: answer.team ?? '',
      scopes: answer.response_metadata?.scopes ?? null,
    }
  }

  /** A new address for a socket, for the token of an app. @returns the address, which holds a ticket */
  async openConnection(signal: AbortSignal): Promise<string> {
    const answer = await this.#call('apps.connections.open', signal, (web) => web.apps.connections.open({}))
    if (!answer.url) throw new SlackFailure('server', 'apps.connections.open', 'named no address')
    return answer.url
  }

  history(request: PageRequest, signal: AbortSignal): Promise<Page> {
    return this.#call('conversations.history', signal, (web) =>
      web.conversations.history(pageArguments(request)),
    ).then(pageOf)
  }

  replies(request: PageRequest & { readonly thread: string }, signal: AbortSignal): Promise<Page> {
    return this.#call('conversations.replies', signal, (web) =>
      web.conversations.replies({ ...pageArguments(request), ts: request.thread }),
    ).then(pageOf)
  }

  /** Conversations that the bot is a member of. */
  async memberships(
    types: string,
    cursor: string | null,
    signal: AbortSignal,
  ): Promise<{ readonly ids: readonly string[]; readonly next: string | null }> {
    const answer = await this.#call('users.conversations', signal, (web) =>
      web.users.conversations({
        types,
        exclude_archived: true,
        limit: MEMBERSHIP_PAGE,
        ...(cursor === null ? {} : { cursor }),
      }),
    )
    const ids = (answer.channels ?? []).flatMap(({ id }) => (id ? [id] : []))
    return { ids, next: answer.response_metadata?.next_cursor || null }
  }

  /** @returns the time stamp of the new message */
  async post(message: NewMessage, signal: AbortSignal): Promise<string> {
    const answer: ChatPostMessageResponse = await this.#call('chat.postMessage', signal, (web) =>
      web.apiCall('chat.postMessage', {
        channel: message.channel,
        text: message.text,
        ...(message.thread === null ? {} : { thread_ts: message.thread }),
        unfurl_links: false,
        unfurl_media: false,
        metadata: { event_type: METADATA_TYPE, event_payload: { key: message.key } },
      }),
    )
    if (!answer.ts) throw new SlackFailure('server', 'chat.postMessage', 'named no message')
    return answer.ts
  }

  /** Replaces a message's text; its key stays with it. */
  async update(
    message: { readonly channel: string; readonly ts: string; readonly text: string },
    signal: AbortSignal,
  ): Promise<void> {
    await this.#call('chat.update', signal, (web) => web.chat.update(message))
  }

  /** Shows the bot's reaction to a message, or removes it. */
  async setReaction(
    reaction: { readonly channel: string; readonly timestamp: string; readonly name: string },
    shown: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    if (shown) await this.#call('reactions.add', signal, (web) => web.reactions.add(reaction))
    else await this.#call('reactions.remove', signal, (web) => web.reactions.remove(reaction))
  }

  /**
   * The bytes of a file that a message names.
   *
   * @returns null when there are more than `maxBytes` of them
   */
  async download(address: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | null> {
    if (!this.#isFileAddress(address)) throw new SlackFailure('gone', 'download', 'not a file of Slack')
    const run = async (deadline: AbortSignal) => {
      const response = await this.#fetch(address, {
        headers: { authorization: `Bearer ${this.#options.token.reveal()}`, 'user-agent': USER_AGENT },
        // Whom the file is not shown to is led to a page for signing in; the token goes nowhere else.
        redirect: 'manual',
        signal: deadline,
      })
      const type = response.headers.get('content-type') ?? ''
      if (!response.ok) await discard(response)
      if (response.status === TOO_MANY) throw rateLimited('download', retryAfterIn(response.headers))
      if (response.status >= 300 && response.status < 500)
        throw new SlackFailure(
          'scope',
          'download',
          `answered ${response.status}; does the app have the scope files:read?`,
          { needed: 'files:read' },
        )
      if (!response.ok || !response.body)
        throw new SlackFailure('server', 'download', `answered ${response.status} ${type}`)
      return download(response.body, maxBytes)
    }
    return within(DOWNLOAD_TIMEOUT_MS, signal, run, (error) => translate('download', error))
  }

  /** The token is sent only to Slack's own hosts and to the configured server. */
  #isFileAddress(address: string): boolean {
    if (!URL.canParse(address)) return false
    const { protocol, hostname, origin } = new URL(address)
    if (origin === new URL(this.#root).origin) return true
    return protocol === 'https:' && (hostname === 'slack.com' || hostname.endsWith('.slack.com'))
  }

  async #request(url: string | URL, init: RequestInit | undefined): Promise<Response> {
    const call = this.#calls.getStore()
    const signal = call?.signal ?? init?.signal ?? null
    const response = limitBody(await this.#fetch(url, { ...init, signal }), { maxBytes: MAX_ANSWER_BYTES })
    const date = Date.parse(response.headers.get('date') ?? '')
    if (Number.isFinite(date)) this.#aheadMs = date - Date.now()
    // The library reads seconds alone, and knows no class for a 429 that does not say how long.
    if (response.status === TOO_MANY) {
      await discard(response)
      throw rateLimited(call?.method ?? 'call', retryAfterIn(response.headers))
    }
    return response
  }

  #call<T extends WebAPICallResult>(
    method: string,
    signal: AbortSignal,
    call: (web: WebClient) => Promise<T>,
  ): Promise<T> {
    const run = async (deadline: AbortSignal) => {
      const web = await (this.#web ??= this.#load())
      return this.#calls.run({ method, signal: deadline }, () => call(web))
    }
    return within(CALL_TIMEOUT_MS, signal, run, (error) => translate(method, error))
  }

  /** On the first call: loading the library takes longer than the rest of a start. */
  async #load(): Promise<WebClient> {
    const { WebClient } = await import('@slack/web-api')
    const { token, log } = this.#options
    return new WebClient(token.reveal(), {
      slackApiUrl: `${this.#root}/`,
      logger: libraryLogger(log),
      retryConfig: { retries: 0 },
      // Its queue would run a call in another call's context.
      maxRequestConcurrency: Number.POSITIVE_INFINITY,
      headers: { 'User-Agent': USER_AGENT },
      fetch: ((url, init) => this.#request(url, init)) satisfies FetchFunction,
    })
  }
}

const MEMBERSHIP_PAGE = 200

function pageArguments(request: PageRequest) {
  const { channel, oldest, cursor, limit, metadata = false } = request
  return {
    channel,
    oldest,
    inclusive: false,
    limit,
    ...(cursor === null ? {} : { cursor }),
    ...(metadata ? { include_all_metadata: true } : {}),
  }
}

function pageOf(answer: {
  readonly messages?: readonly object[]
  readonly has_more?: boolean
  readonly response_metadata?: { readonly next_cursor?: string }
}): Page {
  const messages = (answer.messages ?? []) as readonly Partial<SlackMessage>[]
  return {
    messages: messages.filter((message): message is SlackMessage => typeof message.ts === 'string'),
    next: answer.response_metadata?.next_cursor || null,
  }
}

/** The key under which we sent a message; null = not ours, or without a key. */
export function messageKeyOf(message: SlackMessage): string | null {
  if (message.metadata?.event_type !== METADATA_TYPE) return null
  const key = message.metadata.event_payload?.['key']
  return typeof key === 'string' ? key : null
}

/** What the library's errors hold, by their code. */
interface LibraryError {
  readonly code?: unknown
  readonly data?: { readonly error?: unknown; readonly needed?: unknown }
  readonly statusCode?: number
  readonly original?: unknown
}

/** Turns a failure of the library into ours; the original is dropped, for it carries the request and its headers. */
function translate(method: string, error: unknown): SlackFailure {
  if (error instanceof SlackFailure) return error
  const { code, data, statusCode, original } = (error ?? {}) as LibraryError
  switch (code) {
    case 'slack_webapi_platform_error':
      // Without an error code it is not Slack that refuses.
      return refused(method, stringOr(data?.error, ''), stringOr(data?.needed, null))
    case 'slack_webapi_http_error':
      return new SlackFailure('server', method, `answered ${statusCode}`)
    case 'slack_webapi_request_error':
      return translate(method, original)
    default:
      return new SlackFailure('network', method, `no usable answer (${networkCode(error)})`)
  }
}

/**
 * The library would print every request word for word at `debug`, so only its warnings and errors are
 * passed on, and only at our `debug`: what they mean for the operator is said by the channel's status.
 */
function libraryLogger(log: Log): Logger {
  const pass = (...words: unknown[]) => log.debug({ channel: 'slack' }, words.map(String).join(' '))
  const drop = () => {}
  return {
    debug: drop,
    info: drop,
    warn: pass,
    error: pass,
    setLevel: drop,
    getLevel: () => 'warn' as LogLevel,
    setName: drop,
  }
}

function stringOr<T>(value: unknown, otherwise: T): string | T {
  return typeof value === 'string' ? value : otherwise
}
