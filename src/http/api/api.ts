import { OtherAccount } from '../../credentials/login.ts'
import { isoTime } from '../../support/clock.ts'
import type { Auth } from '../access/auth.ts'
import { NONCE } from '../access/server-proof.ts'
import { TICKET_LIFE_MS } from '../access/tickets.ts'
import { TOKEN_SCOPES, type TokenList } from '../access/token-list.ts'
import { badRequest, HttpProblem, json, notFound, type RequestContext } from '../answers.ts'
import { MAX_SMALL_BODY, readJson } from '../body.ts'
import type { Routes } from '../routes.ts'
import type { Streams } from '../streams/sse.ts'
import type { IncidentItem, QueueChange, QueueItem, RetriedAll, StatusReport } from '../wire-reports.ts'
import type {
  AskProof,
  Done,
  FinishLogin,
  IssuedToken,
  IssueToken,
  List,
  OpenSession,
  PageAddress,
  PrincipalId,
  ServerProof,
  SignedIn,
  SignInWithKey,
  StartedLogin,
  StoredKey,
  TokenEntry,
  TokenScope,
} from '../wire.ts'
import { isMessageState } from './items.ts'
import type { ApiServices } from './services.ts'

/** Rows of the queue in one response; the counts are in the status. */
const QUEUE_PAGE = 1_000

/** Routes of the operator's commands and the dashboard. */
export function addOperatorRoutes(routes: Routes, services: ApiServices, url: () => string): void {
  routes.guarded('all', 'GET', '/api/status', async () =>
    json<StatusReport>(200, await services.status(url())),
  )

  routes.guarded('all', 'GET', '/api/incidents', async () =>
    json<List<IncidentItem>>(200, { items: await services.incidents() }),
  )

  routes.guarded('all', 'GET', '/api/queue', async (c) => {
    const asked = c.req.query('state')
    if (asked !== undefined && !isMessageState(asked)) throw badRequest('Unknown message state.')
    const items = await services.queue.list(asked === undefined ? null : [asked], QUEUE_PAGE)
    return json<List<QueueItem>>(200, { items })
  })

  routes.guarded('all', 'POST', '/api/queue/retry-all', async () =>
    json<RetriedAll>(200, { retried: await services.queue.retryAll() }),
  )

  routes.guarded('all', 'POST', '/api/queue/:id/retry', async (c) => {
    const id = idOf(c)
    if (!(await services.queue.retry(id))) throw noSuchMessage()
    return json<QueueChange>(200, { id, state: 'received' })
  })

  routes.guarded('all', 'POST', '/api/queue/:id/drop', async (c) => {
    const id = idOf(c)
    if (!(await services.queue.drop(id))) throw noSuchMessage()
    return json<QueueChange>(200, { id, state: 'withdrawn' })
  })
}

export interface Access {
  readonly auth: Auth
  readonly tokens: TokenList
  readonly streams: Streams
  /** A fresh one-use address of the page. */
  readonly pageAddress: () => string
  readonly now: () => number
}

/** Routes for page sessions and narrower tokens. */
export function addAccessRoutes(routes: Routes, access: Access): void {
  const { auth, tokens, now } = access
  routes.guarded('all', 'POST', '/api/tickets', () =>
    json<PageAddress>(201, {
      url: access.pageAddress(),
      expiresAt: isoTime(now() + TICKET_LIFE_MS),
    }),
  )

  routes.open('POST', '/api/proof', async (c) => {
    const { nonce } = await readJson<AskProof>(c, MAX_SMALL_BODY)
    if (typeof nonce !== 'string' || !NONCE.test(nonce)) throw badRequest('A nonce is needed.')
    return json<ServerProof>(200, { proof: auth.prove(nonce) })
  })

  routes.open('POST', '/api/session', async (c) => {
    const { ticket } = await readJson<OpenSession>(c, MAX_SMALL_BODY)
    if (typeof ticket !== 'string') throw badRequest('A ticket is needed.')
    return json<Done>(200, { status: 'ok' }, { 'Set-Cookie': auth.openSession(c, ticket) })
  })

  routes.guarded('chat', 'GET', '/api/principal', (_c, { identity }) =>
    json<PrincipalId>(200, { id: identity }),
  )

  routes.guarded('all', 'DELETE', '/api/session', async (c) => {
    const removed = await auth.closeSession(c)
    access.streams.endForbidden()
    return json<Done>(200, { status: 'ok' }, { 'Set-Cookie': removed })
  })

  routes.guarded('all', 'GET', '/api/tokens', () =>
    json<List<TokenEntry>>(200, {
      items: tokens.list().map(({ id, scope, createdAt }) => ({ id, scope, createdAt })),
    }),
  )

  routes.guarded('all', 'POST', '/api/tokens', async (c) => {
    const { scope } = await readJson<IssueToken>(c, MAX_SMALL_BODY)
    if (!isTokenScope(scope)) throw badRequest(`The scope must be one of: ${TOKEN_SCOPES.join(', ')}.`)
    return json<IssuedToken>(201, await tokens.issue(scope, now()))
  })

  routes.guarded('all', 'DELETE', '/api/tokens/:id', async (c) => {
    if (!(await tokens.revoke(idOf(c)))) throw notFound()
    access.streams.endForbidden()
    return json<Done>(200, { status: 'ok' })
  })
}

/** Sign-in from the page: bound to the client that began it. */
export function addLoginRoutes(routes: Routes, services: ApiServices): void {
  const { login } = services
  if (!login) return
  routes.guarded('all', 'POST', '/api/login/start', async (_c, principal) => {
    const { authorizeUrl, session, expiresAt } = await login.start(principal.client)
    return json<StartedLogin>(200, { authorizeUrl, session, expiresAt: isoTime(expiresAt) })
  })

  routes.guarded('all', 'POST', '/api/login/finish', async (c, { client }) => {
    const { session, code, replace } = await readJson<FinishLogin>(c, MAX_SMALL_BODY)
    if (replace === true) return json<SignedIn>(200, await login.confirm(client))
    if (typeof session !== 'string' || typeof code !== 'string')
      throw badRequest('A session and a code are needed.')
    try {
      return json<SignedIn>(200, await login.finish(client, session, code))
    } catch (error) {
      if (error instanceof OtherAccount) throw new HttpProblem(409, 'other-account', error.message)
      throw error
    }
  })

  routes.guarded('all', 'POST', '/api/login/api-key', async (c) => {
    const { key } = await readJson<SignInWithKey>(c, MAX_SMALL_BODY)
    if (typeof key !== 'string') throw badRequest('A key is needed.')
    return json<StoredKey>(200, await login.apiKey(key))
  })
}

function idOf(c: RequestContext): string {
  return c.req.param('id') ?? ''
}

function isTokenScope(value: unknown): value is TokenScope {
  return TOKEN_SCOPES.includes(value as TokenScope)
}

function noSuchMessage(): HttpProblem {
  return new HttpProblem(404, 'not-found', 'No message with this id is held or parked.')
}
