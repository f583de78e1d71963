import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type {
  APIApplication,
  APIApplicationCommand,
  APIChannel,
  APIGatewayBotInfo,
  APIMessage,
  APIUser,
  RESTPostAPIChannelMessageJSONBody,
  RESTPutAPIApplicationCommandsJSONBody,
} from 'discord-api-types/v10'
import { DAY, SECOND, type Clock, within } from '../../../support/clock.ts'
import { limitBody } from '../../../support/limit-body.ts'
import { isLoopbackHost } from '../../../support/loopback.ts'
import { VERSION } from '../../../support/package.ts'
import type { Secret } from '../../../support/secret.ts'
import { networkCode } from '../../kit/failure.ts'
import { discard, download, DOWNLOAD_TIMEOUT_MS, MAX_ANSWER_BYTES } from '../../kit/files/download.ts'
import { retryAfterIn } from '../../kit/retry.ts'
import { LONGEST_WAIT_MS, LONGEST_BLOCK_MS } from '../../kit/send/pacer.ts'
import { classifyAnswer, DiscordFailure } from './failure.ts'

export const DEFAULT_API_ROOT = 'https://discord.com/api'
/** Where files lie that people have sent. */
const FILE_HOSTS: ReadonlySet<string> = new Set(['cdn.discordapp.com', 'media.discordapp.net'])

/** No ordinary call takes this long; after that it counts as failed and can be repeated. */
const CALL_TIMEOUT_MS = 20 * SECOND
/** A 429 without a number does not happen by the book; a server in between may make one. */
const DEFAULT_RETRY_AFTER_MS = 5 * SECOND
/** The most that Discord gives at once. */
export const PAGE = 100

const EVERYWHERE = '*'

export interface ClientOptions {
  readonly token: Secret
  /** Such as `https://discord.com/api`, without the version. */
  readonly apiRoot: string
  readonly clock: Clock
  /** The global `fetch` unless a test listens; looked up at each call, so that a proxy set later holds. */
  readonly fetch?: typeof fetch
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

interface Call {
  readonly method: Method
  readonly route: `/${string}`
  readonly body?: unknown
  readonly query?: Readonly<Record<string, string>>
  /** Calls that share a rate limit. */
  readonly bucket: string
  /** The address of an interaction carries its own token. */
  readonly auth?: false
  /** A refusal of it holds up nothing else, whatever it says. */
  readonly alone?: true
}

export interface GatewayAddress {
  readonly url: string
  readonly sessionsLeft: number
  /** Until there are more again. */
  readonly resetAfterMs: number
}

/**
 * The calls of the REST API that this channel makes, over the REST module of discord.js, which keeps
 * within the announced limits of each route. Its gateway module is not used: it reconnects without
 * backing off, past the configured proxy, and leaves a socket behind that was just being opened.
 *
 * Every method throws a DiscordFailure, or the signal's reason when aborted.
 */
export class DiscordClient {
  readonly #rest: REST
  readonly #options: ClientOptions
  readonly #fetch: typeof fetch
  /** Until when (monotonic) a bucket is blocked. */
  readonly #blocked = new Map<string, number>()

  constructor(options: ClientOptions) {
    this.#options = options
    const inner = options.fetch ?? ((input, init) => fetch(input, init))
    // Discord's API never redirects; a redirect would carry the token to somebody else.
    this.#fetch = (input, init) => inner(input, { ...init, redirect: 'error' })
    this.#rest = new REST({
      version: '10',
      api: options.apiRoot.replace(/\/+$/, '').replace(/\/v\d+$/, ''),
      userAgentAppendix: `hermes-gateway/${VERSION}`,
      // Callers decide about retries.
      retries: 0,
      timeout: CALL_TIMEOUT_MS,
      rejectOnRateLimit: ({ timeToReset }) => timeToReset > LONGEST_WAIT_MS,
      makeRequest: (url, init) => this.#request(url, init as unknown as RequestInit) as never,
    })
  }

  /** Where the gateway is, and how many sessions may still be begun there. */
  async gatewayBot(signal: AbortSignal): Promise<GatewayAddress> {
    const call = { method: 'GET', route: '/gateway/bot', bucket: 'gateway' } as const
    const answer = await this.#call<Partial<APIGatewayBotInfo> | null>('gateway/bot', signal, call)
    if (typeof answer?.url !== 'string') throw new DiscordFailure('server', 'gateway/bot', 'named no address')
    const { remaining, reset_after: resetAfter } = answer.session_start_limit ?? {}
    return {
      url: answer.url,
      sessionsLeft: typeof remaining === 'number' ? remaining : 1,
      resetAfterMs: typeof resetAfter === 'number' ? Math.min(resetAfter, DAY) : 0,
    }
  }

  me(signal: AbortSignal): Promise<APIUser> {
    return this.#call('users/@me', signal, { method: 'GET', route: '/users/@me', bucket: 'me' })
  }

  application(signal: AbortSignal): Promise<APIApplication> {
    return this.#call('applications/@me', signal, { method: 'GET', route: '/applications/@me', bucket: 'me' })
  }

  channel(channelId: string, signal: AbortSignal): Promise<APIChannel> {
    const route = `/channels/${channelId}` as const
    return this.#call('channel', signal, { method: 'GET', route, bucket: `read ${channelId}` })
  }

  /** Messages after `after`, the oldest ones first, at most a page. */
  async messagesAfter(channelId: string, after: string, signal: AbortSignal): Promise<readonly APIMessage[]> {
    const messages = await this.#call<APIMessage[]>('messages', signal, {
      method: 'GET',
      route: `/channels/${channelId}/messages`,
      query: { after, limit: String(PAGE) },
      bucket: `read ${channelId}`,
    })
    if (!Array.isArray(messages)) throw new DiscordFailure('server', 'messages', 'answered no list')
    return messages.filter((message) => typeof message?.id === 'string').toReversed()
  }

  async createMessage(
    channelId: string,
    body: RESTPostAPIChannelMessageJSONBody,
    signal: AbortSignal,
  ): Promise<APIMessage> {
    const route = `/channels/${channelId}/messages` as const
    const call = { method: 'POST', route, body, bucket: `write ${channelId}` } as const
    const sent = await this.#call<APIMessage | null>('message', signal, call)
    if (typeof sent?.id !== 'string') throw new DiscordFailure('server', 'message', 'named no message')
    return sent
  }

  async editMessage(channelId: string, id: string, body: object, signal: AbortSignal): Promise<void> {
    const route = `/channels/${channelId}/messages/${id}` as const
    const call = { method: 'PATCH', route, body, bucket: `write ${channelId}` } as const
    const edited = await this.#call<Partial<APIMessage> | null>('edit', signal, call)
    // A page of a server in between is no message, whatever its status.
    if (typeof edited?.id !== 'string') throw new DiscordFailure('server', 'edit', 'named no message')
  }

  async deleteMessage(channelId: string, id: string, signal: AbortSignal): Promise<void> {
    const route = `/channels/${channelId}/messages/${id}` as const
    await this.#call('delete', signal, { method: 'DELETE', route, bucket: `delete ${channelId}` })
  }

  /** Shows the bot's reaction to a message, or removes it. */
  async setReaction(
    channelId: string,
    id: string,
    emoji: string,
    shown: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const route = `/channels/${channelId}/messages/${id}/reactions/${encodeURIComponent(emoji)}/@me` as const
    const method = shown ? 'PUT' : 'DELETE'
    await this.#call('reaction', signal, { method, route, bucket: `react ${channelId}`, alone: true })
  }

  async sendTyping(channelId: string, signal: AbortSignal): Promise<void> {
    const route = `/channels/${channelId}/typing` as const
    await this.#call('typing', signal, { method: 'POST', route, bucket: `write ${channelId}` })
  }

  /** The private chat with a person. @returns its channel's id */
  async openPrivateChat(userId: string, signal: AbortSignal): Promise<string> {
    const body = { recipient_id: userId }
    const call = { method: 'POST', route: '/users/@me/channels', body, bucket: 'open' } as const
    const channel = await this.#call<{ id: string }>('private chat', signal, call)
    return channel.id
  }

  /** The roles of a person in a server; none where he is no member (any more). */
  async rolesOf(guildId: string, userId: string, signal: AbortSignal): Promise<readonly string[]> {
    const route = `/guilds/${guildId}/members/${userId}` as const
    try {
      const call = { method: 'GET', route, bucket: `members ${guildId}` } as const
      return (await this.#call<{ roles: string[] }>('member', signal, call)).roles
    } catch (error) {
      if (error instanceof DiscordFailure && error.kind === 'gone') return []
      throw error
    }
  }

  commands(applicationId: string, signal: AbortSignal): Promise<readonly APIApplicationCommand[]> {
    const route = `/applications/${applicationId}/commands` as const
    return this.#call('commands', signal, { method: 'GET', route, bucket: 'commands' })
  }

  async setCommands(
    applicationId: string,
    body: RESTPutAPIApplicationCommandsJSONBody,
    signal: AbortSignal,
  ): Promise<void> {
    const route = `/applications/${applicationId}/commands` as const
    await this.#call('commands', signal, { method: 'PUT', route, body, bucket: 'commands' })
  }

  /** The first answer to an interaction, which must come within three seconds. */
  async answerInteraction(id: string, token: string, body: object, signal: AbortSignal): Promise<void> {
    const route = `/interactions/${id}/${token}/callback` as const
    await this.#call('interaction', signal, {
      method: 'POST',
      route,
      body,
      bucket: `interaction ${id}`,
      auth: false,
    })
  }

  /** Replaces the first answer; possible for a quarter of an hour. */
  async editAnswer(applicationId: string, token: string, body: object, signal: AbortSignal): Promise<void> {
    const route = `/webhooks/${applicationId}/${token}/messages/@original` as const
    await this.#call('interaction', signal, {
      method: 'PATCH',
      route,
      body,
      bucket: 'interactions',
      auth: false,
    })
  }

  /** Is there room for a reaction next to messages? */
  mayReact(channelId: string): boolean {
    return (
      this.mayWrite(channelId) && this.#waitOf(EVERYWHERE) === 0 && this.#waitOf(`react ${channelId}`) === 0
    )
  }

  /** Is the channel free of a wait that Discord asked for? */
  mayWrite(channelId: string): boolean {
    return this.#waitOf(`write ${channelId}`) === 0
  }

  /**
   * The bytes of a file that a message names. Only Discord's own file servers are asked, or the server
   * that was configured in its place; the token does not go along.
   *
   * @returns null when there are more than `maxBytes` of them
   */
  async download(address: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | null> {
    if (!this.#isFileAddress(address))
      throw new DiscordFailure('gone', 'download', 'the file lies on a server that is not asked')
    const run = async (deadline: AbortSignal) => {
      const response = await this.#fetch(address, { signal: deadline })
      if (!response.ok || !response.body) {
        await discard(response)
        throw new DiscordFailure(
          response.status === 404 || response.status === 403 ? 'gone' : 'server',
          'download',
          `answered ${response.status}`,
        )
      }
      return download(response.body, maxBytes)
    }
    return within(DOWNLOAD_TIMEOUT_MS, signal, run, (error) => translate('download', error))
  }

  #isFileAddress(address: string): boolean {
    const url = URL.canParse(address) ? new URL(address) : null
    if (!url || url.username || url.password) return false
    if (url.protocol === 'https:' && url.port === '' && FILE_HOSTS.has(url.hostname)) return true
    const root = new URL(this.#options.apiRoot)
    return url.origin === root.origin && (url.protocol === 'https:' || isLoopbackHost(url.hostname))
  }

  async #call<T>(name: string, signal: AbortSignal, call: Call): Promise<T> {
    const waitMs = Math.max(this.#waitOf(EVERYWHERE), this.#waitOf(call.bucket))
    if (waitMs > 0)
      throw new DiscordFailure('rate-limited', name, 'was asked to wait', { retryAfterMs: waitMs })
    const run = async (deadline: AbortSignal) => {
      // The library drops the token after a 401, but the operator may have corrected it since.
      this.#rest.setToken(this.#options.token.reveal())
      const answer = await this.#rest.request({
        method: call.method as never,
        fullRoute: call.route,
        signal: deadline,
        ...(call.body === undefined ? {} : { body: call.body }),
        ...(call.query === undefined ? {} : { query: new URLSearchParams(call.query) }),
        ...(call.auth === false ? { auth: false } : {}),
      })
      return answer as T
    }
    try {
      return await within(CALL_TIMEOUT_MS, signal, run, (error) => translate(name, error))
    } catch (error) {
      if (error instanceof DiscordFailure && error.kind === 'rate-limited')
        this.#block(error.everywhere && !call.alone ? EVERYWHERE : call.bucket, error.retryAfterMs ?? 0)
      throw error
    }
  }

  /** A 429 ends here: the library would wait silently, and waiting belongs in the outbox. */
  async #request(url: string, init: RequestInit): Promise<Response> {
    const response = limitBody(await this.#fetch(url, init), { maxBytes: MAX_ANSWER_BYTES })
    if (response.status >= 500) {
      // The library does not read its body.
      await discard(response)
      return new Response(null, { status: response.status, headers: response.headers })
    }
    if (response.status !== 429) return response
    const body = (await response.json().catch(() => null)) as {
      retry_after?: unknown
      global?: unknown
    } | null
    // The body is more precise than the header, which counts whole seconds.
    const seconds = Number(body?.retry_after ?? Number.NaN)
    const asked = seconds >= 0 ? seconds * SECOND : retryAfterIn(response.headers)
    throw new DiscordFailure('rate-limited', 'API', 'asks to wait', {
      retryAfterMs: asked ?? DEFAULT_RETRY_AFTER_MS,
      everywhere: body?.global === true || response.headers.has('x-ratelimit-global'),
    })
  }

  #block(bucket: string, ms: number): void {
    const now = this.#options.clock.monotonic()
    for (const [name, until] of this.#blocked) if (until <= now) this.#blocked.delete(name)
    this.#blocked.set(bucket, now + Math.min(ms, LONGEST_BLOCK_MS))
  }

  #waitOf(bucket: string): number {
    const until = this.#blocked.get(bucket)
    return until === undefined ? 0 : Math.max(0, Math.ceil(until - this.#options.clock.monotonic()))
  }
}

function translate(method: string, error: unknown): DiscordFailure {
  if (error instanceof DiscordFailure) return error
  if (error instanceof RateLimitError) {
    const retryAfterMs = Math.max(error.timeToReset, error.retryAfter, error.sublimitTimeout)
    const text = 'the limit of this route is used up'
    return new DiscordFailure('rate-limited', method, text, { retryAfterMs, everywhere: error.global })
  }
  if (error instanceof DiscordAPIError) {
    const code = Number(error.code)
    return classifyAnswer(method, error.status, Number.isFinite(code) ? code : null, error.message)
  }
  if (error instanceof HTTPError) return new DiscordFailure('server', method, `answered ${error.status}`)
  return new DiscordFailure('network', method, `no usable answer (${networkCode(error)})`)
}

import type * as Library from '@discordjs/rest'

/**
 * The REST module of discord.js in its build for `fetch`, which Node is not offered by name: the one
 * for Node brings an HTTP client of its own along, which is never used here (requests go through the
 * global `fetch`, and so through the configured proxy) and takes 5 MB and 0.1 s.
 */
const require = createRequire(import.meta.url)
const build = join(dirname(require.resolve('@discordjs/rest')), 'web.js')

export const { DiscordAPIError, HTTPError, RateLimitError, REST } = require(build) as typeof Library
export type REST = Library.REST
