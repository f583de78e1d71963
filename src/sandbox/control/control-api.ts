import type { IncomingMessage, ServerResponse } from 'node:http'
import { messageOf } from '../../support/errors.ts'
import { isLoopbackHost } from '../../support/loopback.ts'
import { MESSAGE_FAULTS, TOKEN_FAULTS } from '../faults/fault-names.ts'
import { parseJson, readBody, sendJson } from '../http.ts'
import type { Sandbox } from '../types.ts'
import type { World } from '../world.ts'
import {
  BadControlRequest,
  readAccount,
  readApproval,
  readFault,
  readPlan,
  readSignIn,
  readTarget,
} from './control-input.ts'

/** Requests to the control API are some hundred bytes; a text for the model to say may be longer. */
const MAX_CONTROL_BYTES = 4 * 1024 * 1024

type Handler = (world: World, sandbox: Sandbox, body: unknown, params: URLSearchParams) => unknown

/** Every route of the control API. GET changes nothing. */
const HANDLERS: Readonly<Record<string, Handler>> = {
  'GET /sandbox': () => ({ endpoints: Object.keys(HANDLERS), faults: FAULT_NAMES }),
  'GET /sandbox/state': (_world, sandbox) => ({
    ...sandbox.state(),
    events: sandbox.events.slice(-LATEST_EVENTS),
  }),
  'GET /sandbox/events': (_world, sandbox, _body, params) => {
    const after = Number(params.get('after') ?? 0)
    return { items: sandbox.events.filter((event) => event.seq > after) }
  },
  'GET /sandbox/requests': (_world, sandbox) => ({ items: sandbox.requests }),
  'GET /sandbox/faults': (world) => ({ items: world.control.faults(), names: FAULT_NAMES }),
  'POST /sandbox/faults': (world, _sandbox, body) => world.control.fault(readFault(body)),
  'DELETE /sandbox/faults': repair,
  'POST /sandbox/repair': repair,
  'POST /sandbox/expire': (world) => ({ ended: world.control.expire() }),
  'POST /sandbox/revoke': (world, _sandbox, body) => ({ ended: world.control.revoke(readAccount(body)) }),
  'POST /sandbox/revoke-access': (world) => ({ ended: world.control.revokeAccess() }),
  'POST /sandbox/revoke-api-keys': (world) => ({ ended: world.control.revokeApiKeys() }),
  'POST /sandbox/answer': (world, _sandbox, body) => {
    world.control.answer(readPlan(body))
    return { answer: world.plan }
  },
  'POST /sandbox/approve': approve,
  'POST /sandbox/sign-in': (_world, sandbox, body) => sandbox.signIn(readSignIn(body)),
  'POST /sandbox/setup-token': (_world, sandbox) => ({ token: sandbox.setupToken() }),
  'POST /sandbox/api-key': (_world, sandbox) => ({ apiKey: sandbox.apiKey() }),
}

const FAULT_NAMES = { 'token-endpoint': TOKEN_FAULTS, messages: MESSAGE_FAULTS }
/** The state shows what happened just now; `/sandbox/events` has the rest. */
const LATEST_EVENTS = 20

/** Everything under `/sandbox`. */
export async function handleControl(
  world: World,
  sandbox: Sandbox,
  req: IncomingMessage,
  res: ServerResponse,
  url: URL,
): Promise<void> {
  const { host = '', origin } = req.headers
  const isHere = isLoopbackHost(host.replace(/:\d+$/, ''))
  // A page of another site that the visitor has open may not drive the sandbox.
  if (!isHere || (origin !== undefined && !isLoopbackOrigin(origin))) {
    return sendJson(res, 403, { error: 'only this machine drives the sandbox' })
  }
  if (url.pathname === '/sandbox/redirected') return followed(world, req, res)
  const handler = HANDLERS[`${req.method} ${url.pathname}`]
  if (!handler) return sendJson(res, 404, { error: 'no such control', endpoints: Object.keys(HANDLERS) })
  try {
    const text = (await readBody(req, MAX_CONTROL_BYTES))?.toString() ?? ''
    const body = text === '' ? {} : parseJson(text)
    sendJson(res, 200, handler(world, sandbox, body, url.searchParams))
  } catch (error) {
    if (!(error instanceof BadControlRequest)) throw error
    sendJson(res, 400, { error: error.message })
  }
}

function repair(world: World, _sandbox: Sandbox, body: unknown): unknown {
  world.control.repair(readTarget(body))
  return { items: world.control.faults() }
}

function approve(_world: World, sandbox: Sandbox, body: unknown): unknown {
  const { authorizeUrl, approver } = readApproval(body)
  try {
    return { paste: sandbox.authorize(authorizeUrl, approver) }
  } catch (error) {
    throw new BadControlRequest(messageOf(error), { cause: error })
  }
}

function followed(world: World, req: IncomingMessage, res: ServerResponse): void {
  world.events.add({ kind: 'redirect-followed', method: req.method ?? '' })
  sendJson(res, 400, { error: 'the redirect of a token endpoint must not be followed' })
}

function isLoopbackOrigin(origin: string): boolean {
  return URL.canParse(origin) && isLoopbackHost(new URL(origin).hostname)
}
