import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Person } from '../../conversation/receiver.ts'
import type { Secret } from '../../support/secret.ts'
import { HttpProblem, type RequestContext } from '../answers.ts'
import type { TokenScope } from '../wire.ts'
import type { HostCheck } from './host-check.ts'
import { serverProof } from './server-proof.ts'
import { cookieName, readCookie, SessionCookies, setCookie } from './session-cookie.ts'
import { Tickets } from './tickets.ts'
import type { TokenList } from './token-list.ts'

/** `all`, everything, is the scope of `gateway.token` and of the page's session. */
export type Scope = 'all' | TokenScope

/** Who sent a request. */
export interface Principal {
  readonly scope: Scope
  /** Who they are in a conversation. */
  readonly person: Person
  /** Who they are to a browser: stays the same over sessions, and differs between gateways. */
  readonly identity: string
  /** Where their web conversations are stored: what the addresses of all of them begin with. Ends in a slash, or is empty. */
  readonly folder: string
  /** Identifies the client: only it may finish what it started. */
  readonly client: string
  /** Somebody at the page, not a program with a token. */
  readonly isPage: boolean
  /** False once the token was revoked, or the session has ended. */
  readonly isValid: () => boolean
}

/** The holder of `gateway.token` and the page's user are the same person. */
const OWNER = { scope: 'all', person: { id: 'owner', name: null }, folder: '' } as const

/** 96 bits: two gateways never share an identity by chance. */
const IDENTITY_LENGTH = 16

export interface AuthOptions {
  readonly gatewayToken: Secret
  readonly tokens: TokenList
  readonly hosts: HostCheck
  /** The port that is listened on; a function, because the port changes if it is taken. */
  readonly port: () => number
  readonly now: () => number
}

/** Authenticates requests by bearer token, or by the page's cookie together with its origin. */
export class Auth {
  readonly #tokens: TokenList
  readonly #hosts: HostCheck
  readonly #port: () => number
  readonly #now: () => number
  #keys: Keys

  constructor(options: AuthOptions) {
    this.#tokens = options.tokens
    this.#hosts = options.hosts
    this.#port = options.port
    this.#now = options.now
    this.#keys = keysOf(options.gatewayToken)
  }

  /**
   * From now on `gateway.token` is this one. The old one, and the sessions and tickets under it, open
   * nothing any more.
   *
   * @returns false: it is the present one
   */
  replaceGatewayToken(token: Secret): boolean {
    if (token.equals(this.#keys.token)) return false
    this.#keys = keysOf(token)
    return true
  }

  /**
   * Who sent this request.
   *
   * @throws HttpProblem 401 without a valid token or cookie, 403 when a cookie comes from a
   *   foreign page or the token is too narrow for `needed`
   */
  require(c: RequestContext, needed: Scope): Principal {
    const authorization = c.req.header('authorization')
    const principal = authorization === undefined ? this.#bySession(c) : this.#byBearer(authorization)
    if (!principal) throw unauthorized()
    if (principal.scope !== 'all' && principal.scope !== needed)
      throw new HttpProblem(403, 'scope', `This token may only be used for ${principal.scope}.`)
    return principal
  }

  /** Shows a client that this server knows the token, before the client shows it. */
  prove(nonce: string): string {
    return serverProof(this.#keys.token, nonce, this.#port())
  }

  /** A one-use key for the page's address. */
  issueTicket(): string {
    return this.#keys.tickets.issue(this.#now())
  }

  /** Exchanges a ticket for the `Set-Cookie` of a new session. @throws HttpProblem 401 | 403 */
  openSession(c: RequestContext, ticket: string): string {
    const origin = c.req.header('origin')
    if (origin !== undefined && !this.#hosts.isSameOrigin(origin, c.req.header('host') ?? '')) throw foreign()
    if (!this.#keys.tickets.redeem(ticket, this.#now()))
      throw new HttpProblem(
        401,
        'ticket',
        'This link has been used or is older than ten minutes. `hermes dashboard` prints a new one.',
      )
    return setCookie(cookieName(this.#port()), this.#keys.cookies.issue(this.#now()), isSecure(origin))
  }

  /** Ends the session of this browser for good. Returns the `Set-Cookie` that removes it. @throws StoreError */
  async closeSession(c: RequestContext): Promise<string> {
    const value = readCookie(c.req.header('cookie') ?? '', cookieName(this.#port()))
    const session = value === null ? null : this.#keys.cookies.verify(value, this.#now())
    if (session) await this.#tokens.endSession(session, this.#now())
    return setCookie(cookieName(this.#port()), '', isSecure(c.req.header('origin')))
  }

  #byBearer(authorization: string): Principal | null {
    const token = /^Bearer +(\S.*)$/i.exec(authorization)?.[1]
    if (token === undefined) return null
    const keys = this.#keys
    const given = Buffer.from(token)
    if (given.length === keys.expected.length && timingSafeEqual(given, keys.expected))
      return { ...keys.owner, client: 'token', isPage: false, isValid: () => this.#keys === keys }
    const issued = this.#tokens.find(token)
    if (!issued) return null
    const id = `token:${issued.id}`
    const person = { id, name: null }
    return {
      scope: issued.scope,
      person,
      identity: identityOf(person, keys),
      folder: `${id}/`,
      client: id,
      isPage: false,
      isValid: () => this.#tokens.find(token) !== null,
    }
  }

  #bySession(c: RequestContext): Principal | null {
    const header = c.req.header('cookie')
    if (header === undefined) return null
    const value = readCookie(header, cookieName(this.#port()))
    const keys = this.#keys
    const session = value === null ? null : keys.cookies.verify(value, this.#now())
    if (session === null || this.#tokens.isSessionEnded(session.id)) return null
    if (!this.#isFromOurPage(c)) throw foreign()
    const isValid = () =>
      this.#keys === keys && session.endsAt > this.#now() && !this.#tokens.isSessionEnded(session.id)
    return { ...keys.owner, client: `session:${session.id}`, isPage: true, isValid }
  }

  /**
   * A browser sends the cookie with requests of any page, so it proves nothing without the
   * page's origin. Browsers omit `Origin` in same-origin GET requests; there the fetch
   * metadata is used, or, where that is missing too (plain HTTP to another machine), the
   * referrer. No page can set any of the three.
   *
   * @see https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
   */
  #isFromOurPage(c: RequestContext): boolean {
    const host = c.req.header('host') ?? ''
    const origin = c.req.header('origin')
    if (origin !== undefined) return this.#hosts.isSameOrigin(origin, host)
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD') return false
    const site = c.req.header('sec-fetch-site')
    if (site !== undefined) return site === 'same-origin'
    const referrer = originOf(c.req.header('referer'))
    return referrer !== null && this.#hosts.isSameOrigin(referrer, host)
  }
}

/** Everything that ends with a `gateway.token`. */
interface Keys {
  readonly token: Secret
  readonly expected: Buffer
  readonly cookies: SessionCookies
  readonly tickets: Tickets
  readonly owner: Pick<Principal, 'scope' | 'person' | 'identity' | 'folder'>
}

function keysOf(token: Secret): Keys {
  return {
    token,
    owner: { ...OWNER, identity: identityOf(OWNER.person, { token }) },
    expected: Buffer.from(token.reveal()),
    cookies: new SessionCookies(token),
    tickets: new Tickets(),
  }
}

/** Tells nothing of the person or the token. */
function identityOf({ id }: Person, { token }: Pick<Keys, 'token'>): string {
  return createHmac('sha256', token.reveal())
    .update(`hermes principal ${id}`)
    .digest('base64url')
    .slice(0, IDENTITY_LENGTH)
}

function originOf(url: string | undefined): string | null {
  return url !== undefined && URL.canParse(url) ? new URL(url).origin : null
}

function isSecure(origin: string | undefined): boolean {
  return origin?.startsWith('https://') ?? false
}

export function unauthorized(): HttpProblem {
  return new HttpProblem(401, 'unauthorized', 'A valid token is needed: Authorization: Bearer …', {
    'WWW-Authenticate': 'Bearer realm="hermes"',
  })
}

function foreign(): HttpProblem {
  return new HttpProblem(403, 'foreign-origin', 'This request did not come from the gateway’s own page.')
}
