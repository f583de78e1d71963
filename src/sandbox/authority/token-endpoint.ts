import type { IncomingMessage, ServerResponse } from 'node:http'
import { fingerprint } from '../../support/secret.ts'
import type { TokenFault } from '../faults/fault-names.ts'
import { sendAnswer, strikeToken } from '../faults/token-faults.ts'
import { readBody, wait } from '../http.ts'
import type { World } from '../world.ts'
import { anthropicError, carryOut, type TokenAnswer } from './grants.ts'
import { readTokenRequest, type TokenRequest } from './token-request.ts'

/** Token requests are some hundred bytes. */
const MAX_TOKEN_REQUEST_BYTES = 64 * 1024

/** `POST /v1/oauth/token`. */
export async function handleToken(world: World, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const body = await readBody(req, MAX_TOKEN_REQUEST_BYTES)
  if (body === null) return sendAnswer(res, anthropicError(413, 'request_too_large', 'Request too large'))
  const request = readTokenRequest(req, body.toString())
  const strike = world.faults.draw('token-endpoint', (fault) => fits(fault, request))
  if (!strike) {
    const answer = carryOut(world, request)
    note(world, request, answer, null)
    return sendAnswer(res, answer)
  }
  const { fault, delayMs } = strike
  // A rotation whose answer never reaches the client must happen even if the client disconnects during the delay.
  const early = fault.rotate ? carryOut(world, request) : null
  if (delayMs > 0 && !(await wait(res, delayMs))) {
    const lost = early ?? { status: 0, body: {}, outcome: 'client-gone', issued: null }
    return note(world, request, lost, fault)
  }
  strikeToken({ world, request, res, fault, early, note: (answer) => note(world, request, answer, fault) })
}

function fits(fault: TokenFault, request: TokenRequest): boolean {
  if (fault.grant !== undefined && fault.grant !== request.grant) return false
  if (fault.userAgent !== undefined && !request.userAgent.startsWith(fault.userAgent)) return false
  if (fault.fingerprint !== undefined && fault.fingerprint !== presentedBy(request)) return false
  switch (fault.fault) {
    case 'invalid-format':
    case 'invalid-request':
    case '415':
      return request.encoding === 'json'
    case 'invalid-scope':
      return request.params['scope'] !== undefined
    default:
      return true
  }
}

function presentedBy({ params }: TokenRequest): string | null {
  const presented = params['refresh_token'] ?? params['code']
  return presented === undefined ? null : fingerprint(presented)
}

function note(world: World, request: TokenRequest, answer: TokenAnswer, fault: TokenFault | null): void {
  world.events.add({
    kind: 'token-request',
    grant: request.grant,
    encoding: request.encoding,
    outcome: answer.outcome,
    fault: fault?.fault ?? null,
    presented: presentedBy(request),
    issued: answer.issued,
    userAgent: request.userAgent,
  })
}
