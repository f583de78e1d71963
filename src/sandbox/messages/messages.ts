import { hash, randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { apiError, errorBody, sendApiError, type ApiFailure } from '../api-errors.ts'
import type { MessageFault } from '../faults/fault-names.ts'
import { breaksStream, streamError, strikeMessage } from '../faults/message-faults.ts'
import { readBody, sendJson, wait } from '../http.ts'
import type { World } from '../world.ts'
import { containerOf, messageBody, type AnswerBody } from './answer-body.ts'
import { NOTHING_CACHED } from './cache/prompt-cache.ts'
import { mentionsCache, promptParts } from './cache/prompt-parts.ts'
import { REPAIR_COMMAND } from './chat-commands.ts'
import { BINDING_BETA } from './checks/check-settings.ts'
import { compose } from './compose.ts'
import { toolsOf, type Block } from './content.ts'
import { decideAnswer } from './decide-answer.ts'
import { breakStream, streamAnswer } from './event-stream.ts'
import { isFailure, readMessageRequest, type MessageRequest } from './message-request.ts'
import { checkPresented, type Presented } from './presented.ts'
import { rateLimitHeaders } from './rate-limit-headers.ts'

const TOO_LARGE = apiError(413, 'request_too_large', 'Request exceeds the maximum size')
/** A conversation may outlive the sandbox, and names answers of earlier runs: ids must not repeat. */
const RUN = randomBytes(4).toString('hex')
let lastRequest = 0

/** An id as the `request-id` header carries it. */
export function newRequestId(): string {
  return `req_sandbox_${RUN}${(++lastRequest).toString(36).padStart(8, '0')}`
}

/** `POST /v1/messages`. */
export async function handleMessages(world: World, req: IncomingMessage, res: ServerResponse): Promise<void> {
  world.events.counts.messageRequests++
  const requestId = newRequestId()
  const presented = checkPresented(world, req)
  const body = await readBody(req)
  const request =
    body === null
      ? TOO_LARGE
      : readMessageRequest(body, {
          models: world.models,
          organization: presented.organization,
          betas: String(req.headers['anthropic-beta'] ?? ''),
          needsMaxTokens: true,
        })
  const record = (status: number) => keep(world, req, presented, { request, body }, status)

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
  const id = `msg_${requestId.slice(4)}`
  const cache = useCache(world, request, id)
  const reply = compose(request, decideAnswer(world, request), plan.stopReason)
  if (plan.delayMs > 0 && !(await wait(res, plan.delayMs))) return
  cache.begin()
  const body: AnswerBody = {
    ...reply,
    ...cache.body,
    id,
    model: request.model,
    transformations: request.betas.includes(BINDING_BETA) ? (request.bound?.transformations ?? []) : null,
    container: containerOf(reply.blocks, world.clock.now()),
  }
  world.bill.add(request.simulated, {
    input: body.inputTokens,
    output: body.outputTokens,
    cacheRead: body.cache.read,
    cacheWrite5m: body.cache.written5m,
    cacheWrite1h: body.cache.written1h,
  })
  const headers = rateLimitHeaders(world.clock.now(), requestId)
  if (!request.stream) {
    // Cut JSON is no JSON: without a stream the input is empty.
    const blocks = body.cut ? body.blocks.map(withoutInput) : body.blocks
    return sendJson(res, 200, messageBody({ ...body, blocks }, 'whole'), headers)
  }
  res.writeHead(200, {
    ...headers,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
  })
  if (!fault) return streamAnswer(res, body, plan)
  const error = JSON.stringify(errorBody(streamError(fault), requestId))
  await breakStream(res, body, plan, fault, error)
}

/** What the cache does with a request that has marks or asks for diagnostics; the others cost nothing. */
function useCache(world: World, request: MessageRequest, id: string) {
  const { json, messages, simulated, organization, bound, inputTokens } = request
  if (!mentionsCache(request)) {
    return { begin: () => {}, body: { inputTokens, cache: NOTHING_CACHED, missReason: null } }
  }
  const prompt = {
    json,
    messages,
    model: simulated,
    organization,
    dropped: bound?.dropped ?? new Set<Block>(),
  }
  const parts = promptParts(prompt)
  const { begin, ...cache } = world.cache.use(parts, simulated.rules.minCachedTokens)
  const marked = parts.findLast(({ mark }) => mark !== null)?.tokens ?? 0
  const missReason = world.diagnostics.compare(prompt, id, marked, cache.read)
  const total = parts.at(-1)!.tokens
  const left = total - cache.read - cache.written5m - cache.written1h
  return { begin, body: { inputTokens: left, cache, missReason } }
}

function withoutInput(block: Block): Block {
  return block.type === 'tool_use' ? { ...block, input: {} } : block
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
  { request, body }: { readonly request: MessageRequest | ApiFailure; readonly body: Buffer | null },
  status: number,
): void {
  if (isFailure(request) || body === null) return
  const { model, maxTokens, effort, messages, stream, text, turns, attachments, system, results } = request
  const { fingerprint } = presented
  const userAgent = req.headers['user-agent'] ?? ''
  const at = world.clock.now()
  const asked = { model, maxTokens, effort, messages, stream, text, turns, attachments, system, results }
  const tools = toolsOf(request.json['tools'])
  world.requests.add({ ...asked, tools, digest: hash('sha256', body), fingerprint, userAgent, status, at })
}
