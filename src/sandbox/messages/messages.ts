import type { IncomingMessage, ServerResponse } from 'node:http'
import { apiError, errorBody, sendApiError, type ApiFailure } from '../api-errors.ts'
import type { MessageFault } from '../faults/fault-names.ts'
import { breaksStream, streamError, strikeMessage } from '../faults/message-faults.ts'
import { readBody, sendJson, wait } from '../http.ts'
import type { World } from '../world.ts'
import { answerFor, piecesOf } from './answer.ts'
import { isCommand, obey, REPAIR_COMMAND } from './chat-commands.ts'
import { breakStream, stopDetails, streamAnswer, type StreamedAnswer } from './event-stream.ts'
import { isFailure, readMessageRequest, tokensOf, type MessageRequest } from './message-request.ts'
import { checkPresented, type Presented } from './presented.ts'
import { rateLimitHeaders } from './rate-limit-headers.ts'

const TOO_LARGE = apiError(413, 'request_too_large', 'Request exceeds the maximum size')
let lastRequest = 0

/** An id as the `request-id` header carries it. */
export function newRequestId(): string {
  return `req_sandbox_${(++lastRequest).toString(36).padStart(8, '0')}`
}

/** `POST /v1/messages`. */
export async function handleMessages(world: World, req: IncomingMessage, res: ServerResponse): Promise<void> {
  world.events.counts.messageRequests++
  const requestId = newRequestId()
  const presented = checkPresented(world, req)
  const body = await readBody(req)
  const request = body === null ? TOO_LARGE : readMessageRequest(body, world.models)
  const record = (status: number) => keep(world, req, presented, request, status)

  const repairs = !isFailure(request) && request.text.trim() === REPAIR_COMMAND && !presented.refusal
  const strike = repairs ? null : world.faults.draw('messages', (fault) => fits(fault, presented))
  if (strike) {
    if (strike.delayMs > 0 && !(await wait(res, strike.delayMs))) return
    const failure = strikeMessage(res, strike, requestId, world.clock.now())
    if (failure) {
      record(failure.status)
      return note(world, presented, failure)
    }
  }
  const refusal = presented.refusal ?? (isFailure(request) ? request : null)
  if (refusal || isFailure(request)) {
    record(refusal!.status)
    note(world, presented, refusal!)
    return sendApiError(res, refusal!, requestId)
  }
  record(200)
  world.events.add({ kind: 'message', fingerprint: presented.fingerprint, stream: request.stream })
  await answer(world, res, request, requestId, strike && breaksStream(strike.fault) ? strike.fault : null)
}

/** Refuses any other request to the API as faults or its credential demand; true: it was answered. */
export function refuse(world: World, req: IncomingMessage, res: ServerResponse, requestId: string): boolean {
  const presented = checkPresented(world, req)
  const strike = world.faults.draw('messages', (fault) => !breaksStream(fault) && fits(fault, presented))
  const struck = strike && strikeMessage(res, strike, requestId, world.clock.now())
  const failure = struck ?? presented.refusal
  if (!failure) return false
  note(world, presented, failure)
  if (!struck) sendApiError(res, failure, requestId)
  return true
}

async function answer(
  world: World,
  res: ServerResponse,
  request: MessageRequest,
  requestId: string,
  fault: MessageFault | null,
): Promise<void> {
  const { plan } = world
  const text = isCommand(request.text) ? obey(world, request.text) : answerFor(plan, request)
  if (plan.delayMs > 0 && !(await wait(res, plan.delayMs))) return
  const streamed: StreamedAnswer = {
    id: `msg_${requestId.slice(4)}`,
    model: request.model,
    pieces: request.stream ? piecesOf(text, plan.wordsPerDelta) : [],
    inputTokens: request.inputTokens,
    outputTokens: tokensOf(text),
    stopReason: plan.stopReason,
  }
  const headers = rateLimitHeaders(world.clock.now(), requestId)
  if (!request.stream) return sendJson(res, 200, messageOf(streamed, text), headers)
  res.writeHead(200, {
    ...headers,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
  })
  if (!fault) return streamAnswer(res, streamed, plan.deltaDelayMs)
  const error = JSON.stringify(errorBody(streamError(fault), requestId))
  await breakStream(res, streamed, plan.deltaDelayMs, fault, error)
}

function messageOf(answer: StreamedAnswer, text: string): unknown {
  return {
    id: answer.id,
    type: 'message',
    role: 'assistant',
    model: answer.model,
    content: [{ type: 'text', text, citations: null }],
    container: null,
    diagnostics: null,
    stop_details: stopDetails(answer.stopReason),
    stop_reason: answer.stopReason,
    stop_sequence: null,
    usage: {
      input_tokens: answer.inputTokens,
      cache_creation: null,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      inference_geo: null,
      output_tokens: answer.outputTokens,
      output_tokens_details: null,
      server_tool_use: null,
      service_tier: 'standard',
      speed: null,
    },
  }
}

function fits(fault: MessageFault, presented: Presented): boolean {
  if (fault.credential !== undefined && fault.credential !== presented.kind) return false
  return fault.fingerprint === undefined || fault.fingerprint === presented.fingerprint
}

function note(world: World, presented: Presented, failure: ApiFailure): void {
  const { status, message: reason } = failure
  if (status === 401 || status === 403) {
    world.events.add({ kind: 'rejected', fingerprint: presented.fingerprint, status, reason })
  } else world.events.add({ kind: 'failed', status, reason })
}

function keep(
  world: World,
  req: IncomingMessage,
  presented: Presented,
  request: MessageRequest | ApiFailure,
  status: number,
): void {
  if (isFailure(request)) return
  const { model, maxTokens, effort, messages, stream, text, turns, attachments, system } = request
  const { fingerprint } = presented
  const userAgent = req.headers['user-agent'] ?? ''
  const at = world.clock.now()
  const asked = { model, maxTokens, effort, messages, stream, text, turns, attachments, system }
  world.requests.add({ ...asked, fingerprint, userAgent, status, at })
}
