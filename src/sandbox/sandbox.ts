import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DAY, MINUTE, SECOND, systemClock } from '../support/clock.ts'
import { messageOf } from '../support/errors.ts'
import { apiError, sendApiError } from './api-errors.ts'
import { Authority, DEFAULT_ACCOUNT } from './authority/authority.ts'
import { AuthorizationCodes, readAuthorizationRequest } from './authority/authorization.ts'
import { approve, AUTHORIZE_PATH, CALLBACK_PATH } from './authority/authorize-page.ts'
import { createControl } from './control/control.ts'
import { EventLog } from './control/event-log.ts'
import { RequestRecord } from './control/request-record.ts'
import { FaultSwitch } from './faults/faults.ts'
import { DEFAULT_PLAN } from './messages/answer.ts'
import { Bill } from './messages/bill.ts'
import { CacheDiagnostics } from './messages/cache/cache-diagnostics.ts'
import { PromptCache } from './messages/cache/prompt-cache.ts'
import { newRequestId } from './messages/messages.ts'
import { SIMULATED_MODELS } from './messages/model-table.ts'
import { route, TOKEN_PATH } from './router.ts'
import type { AnswerPlan, IssuedSignIn, Sandbox, SandboxOptions } from './types.ts'
import type { World } from './world.ts'

export { VISITOR_PACE } from './messages/answer.ts'

export type { MessageFaultName, TokenFaultName } from './faults/fault-names.ts'
export type { SandboxEvent } from './control/event-log.ts'
export type * from './types.ts'

/** Nobody but this machine may reach a server that hands out tokens to anyone. */
const HOST = '127.0.0.1'
/** Short, so that a visitor sees several refreshes in a few minutes. */
const TOKEN_LIFETIME_SECONDS = 60
/** As long as the real sign-in is said to live. */
const SIGN_IN_LIFETIME_SECONDS = (30 * DAY) / SECOND
/** Longer than any client keeps an idle connection, so that none meets one that is just being closed. */
const KEEP_ALIVE_MS = 5 * MINUTE
const KEPT_REQUESTS = 1_000

/**
 * Starts a simulated Anthropic on loopback: authorize page, token endpoint,
 * Messages API, model list, and the controls of its faults.
 *
 * @throws Error with code EADDRINUSE when the port is taken
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const world = createWorld(options, () => sandbox.url)
  const server = createServer((req, res) => {
    // A server tells the time by its own clock; a client that measures the skew must see this one's.
    if (options.clock) res.setHeader('date', new Date(options.clock.now()).toUTCString())
    route(world, sandbox, req, res).catch((error: unknown) => {
      options.log?.error({ err: error }, 'the sandbox failed to answer')
      if (res.headersSent) res.destroy()
      else sendApiError(res, apiError(500, 'api_error', messageOf(error)), newRequestId())
    })
  })
  server.keepAliveTimeout = KEEP_ALIVE_MS
  // Faults hang on purpose; the server's own timeouts must not end them.
  server.requestTimeout = 0
  await listen(server, options.port ?? 0)
  const sandbox = createSandbox(world, server, options)
  return sandbox
}

function createWorld(options: SandboxOptions, url: () => string): World {
  const clock = options.clock ?? systemClock
  const events = new EventLog(clock, options.log)
  const faults = new FaultSwitch(clock, events)
  const lifetime = options.tokenLifetimeSeconds ?? TOKEN_LIFETIME_SECONDS
  const authority = new Authority({
    clock,
    marked: options.marked ?? true,
    tokenLifetimeMs: lifetime * SECOND,
    signInLifetimeMs: (options.refreshTokenLifetimeSeconds ?? SIGN_IN_LIFETIME_SECONDS) * SECOND,
    revokeAccessOnRotation: options.revokeAccessOnRotation ?? false,
  })
  const changePlan = (plan: Partial<AnswerPlan>) => void (world.plan = { ...world.plan, ...plan })
  const world: World = {
    clock,
    url,
    authority,
    codes: new AuthorizationCodes(clock),
    faults,
    events,
    requests: new RequestRecord(options.keepRequests ?? KEPT_REQUESTS),
    cache: new PromptCache(clock),
    diagnostics: new CacheDiagnostics(),
    bill: new Bill(),
    control: createControl({ authority, faults, events, changePlan }),
    acceptAnyApiKey: options.acceptAnyApiKey ?? false,
    tokenLifetimeSeconds: lifetime,
    models: options.models ?? SIMULATED_MODELS,
    plan: { ...DEFAULT_PLAN, delayMs: options.answerDelayMs ?? 0, ...options.answer },
  }
  return world
}

function createSandbox(world: World, server: Server, options: SandboxOptions): Sandbox {
  const { port } = server.address() as AddressInfo
  const url = `http://${HOST}:${port}`
  const { authority, events, faults } = world
  return {
    url,
    port,
    authorizeUrl: url + AUTHORIZE_PATH,
    tokenUrl: url + TOKEN_PATH,
    redirectUri: url + CALLBACK_PATH,
    control: world.control,
    counts: events.counts,
    get requests() {
      return world.requests.all
    },
    get events() {
      return events.events
    },
    state: () => ({
      counts: { ...events.counts },
      faults: faults.active(),
      bill: world.bill.rows,
      liveAccessTokens: authority.liveAccessTokens,
      tokenLifetimeSeconds: world.tokenLifetimeSeconds,
      now: world.clock.now(),
    }),
    subscribe: (listener) => events.subscribe(listener),
    signIn: (signIn) => describe(world, authority.signIn(signIn)),
    setupToken: () => authority.setupToken(),
    apiKey: () => authority.apiKey(),
    authorize(authorizeUrl, approver) {
      const request = readAuthorizationRequest(new URL(authorizeUrl).searchParams)
      if (typeof request === 'string') throw new Error(`the authorize page refuses this address: ${request}`)
      return `${approve(world, request, { ...DEFAULT_ACCOUNT, ...approver })}#${request.state}`
    },
    close: () => close(server, options),
  }
}

function describe(world: World, pair: ReturnType<Authority['signIn']>): IssuedSignIn {
  const { family, access, accessToken, refreshToken } = pair
  world.events.add({ kind: 'signed-in', account: family.accountId, issued: access.fingerprint })
  return {
    accessToken,
    refreshToken,
    issuedAt: world.clock.now(),
    expiresAt: access.expiresAt,
    refreshTokenExpiresAt: family.endsAt,
    scopes: family.scopes,
    accountId: family.accountId,
    email: family.email,
    organizationId: family.organizationId,
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, HOST, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function close(server: Server, options: SandboxOptions): Promise<void> {
  options.log?.debug('the sandbox ends')
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
