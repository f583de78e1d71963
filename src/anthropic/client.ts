import { createHash } from 'node:crypto'
import Anthropic, { APIError } from '@anthropic-ai/sdk'
import { type ModelRequest, ModelRefusal, type Model, type ModelAnswer } from '../conversation/model.ts'
import type { Credential, CredentialDoor } from '../credentials/credential.ts'
import { HOUR, MINUTE, SECOND, type Clock } from '../support/clock.ts'
import { ConfigurationError, TransientError, UsageLimited } from '../support/errors.ts'
import { BodyTooLarge } from '../support/limit-body.ts'
import type { Log } from '../support/log.ts'
import { HEAVY_BYTES, ownTurn } from '../support/own-turn.ts'
import { remember } from '../support/remember.ts'
import { AnswerBuilder } from './answer-builder.ts'
import { classify, isNetworkError } from './errors.ts'
import { addressFor, AttemptFailed, credentialHeaders, withCredential } from './ladder.ts'
import { leanFetch } from './lean-fetch.ts'
import { OptionalField } from './optional-field.ts'
import { promptOf } from './prompt.ts'

/** Called for each outcome that concerns the provider itself, never for a credential's. */
export interface ProviderHealth {
  succeeded(): void
  /** @param resumeAt epoch milliseconds */
  usageLimited(resumeAt: number): void
  /**
   * @param retryAfterMs what the provider asked for; null = it did not say
   * @param suspected so few requests have failed that it may be their own failure
   */
  unavailable(retryAfterMs: number | null, reason: string, suspected: boolean): void
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
  readonly log: Pick<Log, 'warn'>
}

/** No event for this long means that the connection is dead. Generous, because the SDK hides the pings in between. */
const SILENCE_LIMIT_MS = 5 * MINUTE

/** An answer that is not over by then never will be: no model writes for so long. */
const LONGEST_ANSWER_MS = HOUR

/** An event of a stream is a line; the largest hold what a tool of the provider's has found. */
const MAX_LINE_BYTES = 8 * 1024 * 1024
/** A million tokens in events of their own, each with its frame. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024

/** What comes whole is an error, of a few lines. */
const MAX_WHOLE_BYTES = 1024 * 1024

/** The connection is kept for the next request, unless its answer does not end soon after what it says. */
const END_LIMIT_MS = SECOND

/** New reasons to stop are said once each; somebody who makes them up must not fill the log. */
const MAX_REASONS_NOTED = 20
const MAX_REASON_LENGTH = 60

/** The model behind Anthropic's Messages API, through the official SDK. */
export function createModelClient(options: ModelClientOptions): Model {
  const { door, health, clock } = options
  const configured = createSdkClient(options)
  const noteReason = reasonNotes(options.log)
  const failing = new FailingRequests()
  const cacheMarks = new OptionalField({
    mayBeRefused,
    onRefused: (model) =>
      options.log.warn({ model }, 'the endpoint refuses cache_control, so nothing of its prompts is cached'),
  })

  async function attempt(
    credential: Credential,
    request: ModelRequest,
    signal: AbortSignal,
    onText: (text: string) => void,
  ): Promise<ModelAnswer> {
    const started = clock.monotonic()
    const silence = watchSilence(clock, signal)
    let shown = false
    const answer = new AnswerBuilder(request)
    try {
      if (lengthOf(request) > HEAVY_BYTES) await ownTurn()
      const baseURL = addressFor(credential, options.baseUrl)
      const client = baseURL === options.baseUrl ? configured : configured.withOptions({ baseURL })
      const stream = await client.messages.create(
        {
          model: request.model,
          max_tokens: request.maxTokens,
          ...(request.effort ? { output_config: { effort: request.effort } } : {}),
          ...promptOf(request),
          ...(request.stop?.length ? { stop_sequences: [...request.stop] } : {}),
          stream: true,
        },
        { signal: silence.signal, headers: credentialHeaders(credential) },
      )
      for await (const event of readEvents(stream)) {
        silence.heard()
        const text = answer.add(event)
        if (text !== '') {
          shown = true
          onText(text)
        }
        if (answer.full) break
        if (answer.complete) silence.ends()
      }
      if (!answer.complete) {
        // The SDK ends the loop without an error when it was aborted between two events.
        silence.signal.throwIfAborted()
        throw new TransientError('the answer broke off', null, 'network')
      }
      if (answer.unknownReason !== null) noteReason(answer.unknownReason)
      return answer.build(clock.monotonic() - started)
    } catch (error) {
      if (signal.aborted) throw signal.reason
      // What goes wrong behind its end costs no answer.
      if (answer.complete) return answer.build(clock.monotonic() - started)
      if (silence.signal.aborted) throw failed(silence.signal.reason, shown)
      if (error instanceof TransientError) throw failed(error, shown)
      throw new AttemptFailed(classify(error, clock.now()), shown)
    } finally {
      silence.stop()
    }
  }

  function attemptWithCache(
    credential: Credential,
    request: ModelRequest,
    signal: AbortSignal,
    onText: (text: string) => void,
  ): Promise<ModelAnswer> {
    if (!request.cache) return attempt(credential, request, signal, onText)
    return cacheMarks.send(request.model, (withMarks) =>
      attempt(credential, withMarks ? request : { ...request, cache: null }, signal, onText),
    )
  }

  return {
    async answer(request, { signal, onText }) {
      const begun = failing.begin()
      try {
        const answer = await withCredential(door, (credential) =>
          attemptWithCache(credential, request, signal, onText),
        )
        failing.succeeded(request)
        health.succeeded()
        return answer
      } catch (error) {
        const whose = mayBeTheRequests(error) ? failing.failed(request, begun) : 'provider'
        if (whose !== 'request')
          reportHealth(health, error, request.model === options.model, whose === 'unknown')
        throw error
      }
    },
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
    // Limited below the SDK, which keeps a line in memory until its end.
    fetch: leanFetch({
      maxBytes: MAX_ANSWER_BYTES,
      maxWholeBytes: MAX_WHOLE_BYTES,
      maxLineBytes: MAX_LINE_BYTES,
    }),
    defaultHeaders: { 'user-agent': options.userAgent, ...options.headers },
  })
}

/** About as long as the request's body. */
function lengthOf({ messages }: ModelRequest): number {
  let length = 0
  for (const { text, attachments } of messages) {
    length += text.length
    for (const { bytes } of attachments) length += bytes.length
  }
  return length
}

/** The endpoint does not accept the request, which may be for any field of it. */
function mayBeRefused(error: unknown): boolean {
  if (!(error instanceof AttemptFailed) || error.shown || error.failure.kind !== 'other') return false
  const reason = error.failure.error
  return reason instanceof ModelRefusal && reason.reason === 'not-accepted'
}

/** A server that breaks, or a connection: either may fail at everything, or at what this request asks for. */
function mayBeTheRequests(error: unknown): boolean {
  return error instanceof TransientError && (error.reason === 'provider' || error.reason === 'network')
}

function reportHealth(
  health: ProviderHealth,
  error: unknown,
  configuredModel: boolean,
  suspected: boolean,
): void {
  if (error instanceof UsageLimited) health.usageLimited(error.resumeAt)
  else if (error instanceof TransientError && error.reason !== 'credential') {
    health.unavailable(error.retryAfterMs, error.reason, suspected)
  } else if (error instanceof ConfigurationError && configuredModel) health.misconfigured(error.message)
  else if (error instanceof ModelRefusal) health.succeeded()
}

/**
 * The events of a stream, in order. What is thrown on the way is the provider's: no JSON, no event, a
 * line without an end. It passes, so the message is kept for the next try.
 *
 * @throws TransientError; what the SDK throws for an answer that is an error, or for a broken connection
 */
async function* readEvents(stream: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  const events = stream[Symbol.asyncIterator]()
  try {
    for (;;) {
      let next: IteratorResult<unknown>
      try {
        next = await events.next()
      } catch (error) {
        throw isBroken(error)
          ? new TransientError('the provider sent a broken answer', null, 'provider', { cause: error })
          : error
      }
      if (next.done) return
      yield next.value
    }
  } finally {
    // Ends the request where the reader has had enough.
    await events.return?.()
  }
}

/** Neither an answer of the provider nor a failure of the connection. */
function isBroken(error: unknown): boolean {
  if (error instanceof BodyTooLarge) return true
  return !(error instanceof APIError) && !isNetworkError(error)
}

/** Says each reason to stop that is not known here once. */
function reasonNotes(log: Pick<Log, 'warn'>): (reason: string) => void {
  const noted = new Set<string>()
  return (reason) => {
    const short = reason.slice(0, MAX_REASON_LENGTH)
    if (noted.has(short) || noted.size >= MAX_REASONS_NOTED) return
    noted.add(short)
    log.warn({ reason: short }, 'the provider ended an answer for a reason that is not known here')
  }
}

function failed(error: Error, shown: boolean): AttemptFailed {
  return new AttemptFailed({ kind: 'other', error }, shown)
}

/** A signal that follows `signal` and also aborts after too long a silence or answer. One timer for the whole answer. */
function watchSilence(clock: Clock, signal: AbortSignal) {
  const controller = new AbortController()
  const follow = () => controller.abort(signal.reason)
  if (signal.aborted) follow()
  else signal.addEventListener('abort', follow, { once: true })
  let last = clock.monotonic()
  let endsAt = last + LONGEST_ANSWER_MS
  const check = () => {
    const now = clock.monotonic()
    const left = Math.min(last + SILENCE_LIMIT_MS, endsAt) - now
    if (left > 0) timer = clock.setTimer(check, left)
    else {
      const why = now >= endsAt ? 'does not end its answer' : 'fell silent in the middle of an answer'
      controller.abort(new TransientError(`the provider ${why}`, null, 'network'))
    }
  }
  let timer = clock.setTimer(check, SILENCE_LIMIT_MS)
  return {
    signal: controller.signal,
    heard: () => void (last = clock.monotonic()),
    /** What is to come is the end alone. */
    ends() {
      endsAt = clock.monotonic() + END_LIMIT_MS
      timer.cancel()
      timer = clock.setTimer(check, END_LIMIT_MS)
    },
    stop: () => {
      timer.cancel()
      signal.removeEventListener('abort', follow)
    },
  }
}

/** Many more than fail at the same time; the oldest is forgotten first. */
const MAX_REMEMBERED = 1_000
/** So many different requests that fail in a row have one cause; to try so many in an outage costs little. */
const FAILURES_OF_PROVIDER = 5

/** Whose failure it is, as far as can be told. */
type FailedPart = 'request' | 'provider' | 'unknown'

/**
 * Separates a request that fails from a provider that fails. Where others were answered while it ran, or
 * since it failed before, nobody else may be held for it; nor before several different ones have failed with
 * none answered in between. Of a conversation all requests are one: each message that is added to it makes another,
 * with what fails still in it.
 */
class FailingRequests {
  #answered = 0
  /** How many requests had been answered when each of these last failed. */
  readonly #failed = new Map<string, number>()
  /** Those that have failed since the last answer, up to `FAILURES_OF_PROVIDER`. */
  readonly #failedInRow = new Set<string>()

  /** @returns what `failed` needs to know about the moment at which a request is sent */
  begin(): number {
    return this.#answered
  }

  succeeded(request: ModelRequest): void {
    this.#answered++
    this.#failedInRow.clear()
    if (this.#failed.size > 0) this.#failed.delete(sourceOf(request))
  }

  /** @param begun what `begin` returned */
  failed(request: ModelRequest, begun: number): FailedPart {
    const source = sourceOf(request)
    const before = this.#failed.get(source)
    remember(this.#failed, source, this.#answered, MAX_REMEMBERED)
    if (this.#answered > Math.min(begun, before ?? begun)) return 'request'
    if (this.#failedInRow.size < FAILURES_OF_PROVIDER) this.#failedInRow.add(source)
    return this.#failedInRow.size < FAILURES_OF_PROVIDER ? 'unknown' : 'provider'
  }
}

/** The same for the next try of the same turn; who is asked with which credential is no part of it. */
function sourceOf({ conversation, model, messages }: ModelRequest): string {
  if (conversation !== undefined) return conversation
  const hash = createHash('sha256').update(model)
  for (const { role, text, attachments } of messages)
    hash.update(`${role} ${text.length} ${text} ${attachments.map(({ bytes }) => bytes.length).join()}`)
  return hash.digest('base64')
}
