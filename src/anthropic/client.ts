import Anthropic, { APIError } from '@anthropic-ai/sdk'
import {
  ModelRefusal,
  type Compacted,
  type Model,
  type ModelAnswer,
  type ModelRequest,
} from '../conversation/model.ts'
import { isSubscription, type Credential, type CredentialDoor } from '../credentials/credential.ts'
import type { TurnCost } from '../inbox/lease.ts'
import type { Clock } from '../support/clock.ts'
import { ConfigurationError, TransientError, UsageLimited } from '../support/errors.ts'
import { BodyTooLarge } from '../support/limit-body.ts'
import type { Log } from '../support/log.ts'
import { HEAVY_BYTES, ownTurn } from '../support/own-turn.ts'
import { jsonParts } from '../support/text/json-parts.ts'
import { isBlank } from '../support/text/printable.ts'
import { AnswerBuilder } from './answer-builder.ts'
import { classify, isNetworkError, type Failure } from './errors.ts'
import { FailingRequests } from './failing-requests.ts'
import { addressFor, AttemptFailed, credentialHeaders, withCredential } from './ladder.ts'
import { leanFetch } from './lean-fetch.ts'
import { OptionalFields } from './optional-fields.ts'
import { beginsCompacted, BINDING_BETA, bodyOf, COMPACTION_BETA, thinkingOf } from './request-body.ts'
import { fieldsOf, WITHOUT_FIELD, withFields, type Field } from './request-fields.ts'
import { watchSilence } from './watch-silence.ts'
import { wholeAnswer, type AnswerPart, type Trial } from './whole-answer.ts'

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

/** An event of a stream is a line; the largest hold what a tool of the provider's has found. */
const MAX_LINE_BYTES = 8 * 1024 * 1024
/** A million tokens in events of their own, each with its frame. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024

/** What comes whole is an error, of a few lines. */
const MAX_WHOLE_BYTES = 1024 * 1024

/** New reasons to stop are said once each; somebody who makes them up must not fill the log. */
const MAX_REASONS_NOTED = 20
const MAX_REASON_LENGTH = 60

/** The model behind Anthropic's Messages API, through the official SDK. */
export function createModelClient(options: ModelClientOptions): Model {
  const { door, health, clock } = options
  const configured = createSdkClient(options)
  const noteReason = reasonNotes(options.log)
  const failing = new FailingRequests()
  const fields = new OptionalFields<Field>({
    mayBeRefused,
    onRefused: (model, field) =>
      options.log.warn({ model }, `the endpoint refuses ${field}, so ${WITHOUT_FIELD[field]}`),
  })

  const compactions = new OptionalFields<'compaction'>({
    mayBeRefused: (error) => error instanceof ModelRefusal && error.reason === 'not-accepted',
    onRefused: (model) =>
      options.log.warn(
        { model },
        'the endpoint refuses compaction, so long conversations are summarised by the gateway',
      ),
  })

  async function attempt(
    credential: Credential,
    request: ModelRequest,
    drops: boolean,
    compacts: boolean,
    trial: Trial,
  ): Promise<AnswerPart> {
    const { signal } = trial
    const started = clock.monotonic()
    const silence = watchSilence(clock, signal)
    let begun = false
    const answer = new AnswerBuilder({
      model: request.model,
      maxTokens: request.maxTokens,
      before: trial.before,
      isSubscription: isSubscription(credential),
    })
    const built = (): AnswerPart => ({
      answer: answer.build(clock.monotonic() - started),
      canContinue: answer.canContinue,
      hasOpenCall: answer.hasOpenCall,
      endsInText: answer.endsInText,
    })
    try {
      if (lengthOf(request) > HEAVY_BYTES) await ownTurn()
      const baseURL = addressFor(credential, options.baseUrl)
      const client = baseURL === options.baseUrl ? configured : configured.withOptions({ baseURL })
      const thinking = thinkingOf(request, drops)
      const stream = await client.post<AsyncIterable<unknown>>('/v1/messages', {
        body: bodyOf(request, thinking, compacts),
        stream: true,
        signal: silence.signal,
        headers: headersOf(credential, [
          ...(drops ? [BINDING_BETA] : []),
          ...(compacts || beginsCompacted(request) ? [COMPACTION_BETA] : []),
        ]),
      })
      begun = true
      for await (const event of readEvents(stream)) {
        silence.heard()
        const text = answer.add(event)
        if (text !== '') trial.show(text)
        if (answer.full) break
        if (answer.complete) silence.ends()
      }
      if (!answer.complete) {
        // The SDK ends the loop without an error when it was aborted between two events.
        silence.signal.throwIfAborted()
        throw new TransientError('the answer broke off', null, 'network')
      }
      if (answer.unknownReason !== null) noteReason(answer.unknownReason)
      return built()
    } catch (error) {
      // What goes wrong behind its end costs no answer.
      if (answer.complete && !signal.aborted) return built()
      if (answer.hasBegun) trial.lost(answer.costSoFar(clock.monotonic() - started))
      if (signal.aborted) throw signal.reason
      // So long a wait is not repeated at once.
      if (silence.signal.aborted) throw failed(silence.signal.reason, trial.shown)
      const failure: Failure =
        error instanceof TransientError ? { kind: 'other', error } : classify(error, clock.now())
      if (begun && failure.kind === 'other' && failure.error instanceof TransientError) {
        trial.brokeOff = true
      }
      throw new AttemptFailed(failure, trial.shown)
    } finally {
      silence.stop()
    }
  }

  /** Without the fields of it that the endpoint is known to refuse. */
  function attemptWithFields(
    credential: Credential,
    request: ModelRequest,
    compacts: boolean,
    trial: Trial,
  ): Promise<AnswerPart> {
    return fields.send(request.model, fieldsOf(request), (sent) =>
      attempt(credential, withFields(request, sent), sent.has('block_binding'), compacts, trial),
    )
  }

  async function send(request: ModelRequest, trial: Trial, compacts = false): Promise<AnswerPart> {
    const sendOnce = (given: ModelRequest) =>
      withCredential(door, (credential) => attemptWithFields(credential, given, compacts, trial))
    try {
      return await sendOnce(request)
    } catch (error) {
      const { container, ...rest } = request
      const isRefused = error instanceof ModelRefusal || error instanceof ConfigurationError
      if (container === undefined || !isRefused || trial.shown) throw error
      // It lives for some weeks, and only what its code has left there is lost with it.
      return await sendOnce(rest)
    }
  }

  return {
    async answer(request, listener) {
      const begun = failing.begin()
      try {
        const answer = await wholeAnswer(request, listener, {
          send: (given, trial) => send(given, trial),
          clock,
          log: options.log,
        })
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

    async compact(request, given) {
      const listener = { ...given, onText: () => {} }
      const trials = {
        send: (given: ModelRequest, trial: Trial) => send(given, trial, true),
        clock,
        log: options.log,
      }
      return await compactions.send(request.model, ['compaction'], async (sent) =>
        // Its turn was answered: the same request without the field.
        sent.has('compaction') ? compactedOf(await wholeAnswer(request, listener, trials)) : null,
      )
    },
  }
}

/** What came in place of an answer: one block, which is empty where the provider could make none. */
function compactedOf({ content, ...cost }: ModelAnswer): Compacted {
  const [block = '{}', ...others] = jsonParts(content)
  const { type, content: text } = JSON.parse(block) as Readonly<Record<string, unknown>>
  const isMade = type === 'compaction' && typeof text === 'string' && !isBlank(text) && others.length === 0
  return { block: isMade ? block : null, text: isMade ? text : '', ...costOf(cost) }
}

function costOf({ model, usage, modelMs, requests, isSubscription }: Omit<ModelAnswer, 'content'>): TurnCost {
  return {
    model,
    usage,
    modelMs,
    ...(requests === undefined ? {} : { requests }),
    ...(isSubscription === undefined ? {} : { isSubscription }),
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
  for (const { text, attachments, blocks } of messages) {
    length += blocks?.length ?? text.length
    for (const { bytes } of attachments) length += bytes.length
  }
  return length
}

function headersOf(credential: Credential, betas: readonly string[]): Record<string, string | null> {
  const own = credentialHeaders(credential)
  // The SDK sends a text as it is only where its type is given.
  const headers = { ...own, 'content-type': 'application/json' }
  if (betas.length === 0) return headers
  return { ...headers, 'anthropic-beta': [own['anthropic-beta'] ?? [], betas].flat().join(',') }
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
