import Anthropic from '@anthropic-ai/sdk'
import type { MessageParam, RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages'
import {
  ModelRefusal,
  type Model,
  type ModelAnswer,
  type ModelMessage,
  type ModelRequest,
} from '../conversation/model.ts'
import type { Credential, CredentialDoor } from '../credentials/credential.ts'
import type { Usage } from '../inbox/lease.ts'
import { MINUTE, type Clock } from '../support/clock.ts'
import { ConfigurationError, TransientError, UsageLimited } from '../support/errors.ts'
import { contentOf } from './content.ts'
import { classify } from './errors.ts'
import { AttemptFailed, withCredential } from './ladder.ts'

/** Called for each outcome that concerns the provider itself, never for a credential's. */
export interface ProviderHealth {
  succeeded(): void
  /** @param resumeAt epoch milliseconds */
  usageLimited(resumeAt: number): void
  /** @param retryAfterMs what the provider asked for; null = it did not say */
  unavailable(retryAfterMs: number | null, reason: string): void
  /** The configured model or address is unknown to the provider. */
  misconfigured(message: string): void
}

export interface ModelClientOptions {
  readonly baseUrl: string
  readonly door: CredentialDoor
  readonly health: ProviderHealth
  readonly clock: Clock
  readonly userAgent: string
  /** Sent with every request, from the configuration. */
  readonly headers: Readonly<Record<string, string>>
  /** The configured model. An unknown one that a chat has chosen concerns that chat alone. */
  readonly model: string
  /** The context length of the configured models in tokens. */
  readonly contextTokens: number
}

/** No event for this long means that the connection is dead. Generous, because the SDK hides the pings in between. */
const SILENCE_LIMIT_MS = 5 * MINUTE

/** Marks an OAuth token's request. @see https://docs.anthropic.com/en/api/beta-headers */
const OAUTH_BETA = 'oauth-2025-04-20'

/** The model behind Anthropic's Messages API, through the official SDK. */
export function createModelClient(options: ModelClientOptions): Model {
  const { door, health, clock } = options
  const client = createSdkClient(options)

  async function attempt(
    credential: Credential,
    request: ModelRequest,
    signal: AbortSignal,
    onText: (text: string) => void,
  ): Promise<ModelAnswer> {
    const started = clock.monotonic()
    const silence = watchSilence(clock, signal)
    let shown = false
    const answer = new AnswerBuilder(request.model)
    try {
      const stream = await client.messages.create(
        {
          model: request.model,
          max_tokens: request.maxTokens,
          ...(request.system === null ? {} : { system: request.system }),
          messages: request.messages.map(toParam),
          ...(request.stop?.length ? { stop_sequences: [...request.stop] } : {}),
          stream: true,
        },
        { signal: silence.signal, headers: credentialHeaders(credential) },
      )
      for await (const event of stream) {
        silence.restart()
        const text = answer.add(event)
        if (text === '') continue
        shown = true
        onText(text)
      }
      // The SDK ends the loop without an error when it was aborted between two events.
      silence.signal.throwIfAborted()
      if (!answer.complete) throw new TransientError('the answer broke off', null, 'network')
      return answer.build(clock.monotonic() - started)
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (silence.signal.aborted) throw failed(silence.signal.reason, shown)
      if (error instanceof TransientError) throw failed(error, shown)
      throw new AttemptFailed(classify(error, clock.now()), shown)
    } finally {
      silence.stop()
    }
  }

  return {
    async answer(request, { signal, onText }) {
      try {
        const answer = await withCredential(door, (credential) =>
          attempt(credential, request, signal, onText),
        )
        health.succeeded()
        return answer
      } catch (error) {
        reportHealth(health, error, request.model === options.model)
        throw error
      }
    },
    contextTokens: () => options.contextTokens,
  }
}

/** The SDK with everything implicit switched off: no environment, no retries, no tracing of its own. */
export function createSdkClient(
  options: Pick<ModelClientOptions, 'baseUrl' | 'userAgent' | 'headers'>,
): Anthropic {
  return new Anthropic({
    baseURL: options.baseUrl,
    // Never sent: each request carries its own credential. It keeps the SDK from searching for one.
    authToken: 'none',
    webhookKey: null,
    maxRetries: 0,
    logLevel: 'off',
    openTelemetry: false,
    // A credential must not follow a redirect.
    fetchOptions: { redirect: 'manual' },
    defaultHeaders: { 'user-agent': options.userAgent, ...options.headers },
  })
}

/** An API key goes as `x-api-key`, everything else as a bearer token. */
export function credentialHeaders(credential: Credential): Record<string, string | null> {
  if (credential.kind === 'api-key') return { 'x-api-key': credential.secret.reveal(), authorization: null }
  const authorization = `Bearer ${credential.secret.reveal()}`
  return { ...credential.headers, authorization, 'anthropic-beta': OAUTH_BETA }
}

function reportHealth(health: ProviderHealth, error: unknown, configuredModel: boolean): void {
  if (error instanceof UsageLimited) health.usageLimited(error.resumeAt)
  else if (error instanceof TransientError && error.reason !== 'credential') {
    health.unavailable(error.retryAfterMs, error.reason)
  } else if (error instanceof ConfigurationError && configuredModel) health.misconfigured(error.message)
  else if (error instanceof ModelRefusal) health.succeeded()
}

function failed(error: Error, shown: boolean): AttemptFailed {
  return new AttemptFailed({ kind: 'other', error }, shown)
}

function toParam(message: ModelMessage): MessageParam {
  return { role: message.role, content: contentOf(message) }
}

/** Assembles an answer from the events of a stream. */
class AnswerBuilder {
  #text = ''
  #model: string
  #stopReason: string | null = null
  #usage: Usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }
  complete = false

  constructor(model: string) {
    this.#model = model
  }

  /** @returns the text that this event adds */
  add(event: RawMessageStreamEvent): string {
    switch (event.type) {
      case 'content_block_delta':
        if (event.delta.type !== 'text_delta') return ''
        this.#text += event.delta.text
        return event.delta.text
      case 'message_start': {
        const { model, usage } = event.message
        this.#model = model
        this.#usage = {
          inputTokens: usage.input_tokens,
          outputTokens: usage.output_tokens,
          cacheReadTokens: usage.cache_read_input_tokens ?? 0,
          cacheWriteTokens: usage.cache_creation_input_tokens ?? 0,
        }
        return ''
      }
      case 'message_delta':
        this.#stopReason = event.delta.stop_reason
        this.#usage = { ...this.#usage, outputTokens: event.usage.output_tokens }
        return ''
      case 'message_stop':
        this.complete = true
        return ''
      default:
        return ''
    }
  }

  build(modelMs: number): ModelAnswer {
    return { text: this.#text, model: this.#model, usage: this.#usage, stopReason: this.#stopReason, modelMs }
  }
}

/** A signal that follows `signal` and also aborts when no event arrives for too long. One timer for the whole answer. */
function watchSilence(clock: Clock, signal: AbortSignal) {
  const controller = new AbortController()
  const follow = () => controller.abort(signal.reason)
  if (signal.aborted) follow()
  else signal.addEventListener('abort', follow, { once: true })
  let last = clock.monotonic()
  const check = () => {
    const left = last + SILENCE_LIMIT_MS - clock.monotonic()
    if (left > 0) timer = clock.setTimer(check, left)
    else
      controller.abort(
        new TransientError('the provider fell silent in the middle of an answer', null, 'network'),
      )
  }
  let timer = clock.setTimer(check, SILENCE_LIMIT_MS)
  return {
    signal: controller.signal,
    restart: () => void (last = clock.monotonic()),
    stop: () => {
      timer.cancel()
      signal.removeEventListener('abort', follow)
    },
  }
}
