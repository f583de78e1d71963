import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { DAY, SECOND } from '../../support/clock.ts'
import type { Secret } from '../../support/secret.ts'

/** A browser stays signed in as long as a sign-in at the provider lasts, about a month. */
export const SESSION_LIFE_MS = 30 * DAY

const ID_BYTES = 16

export interface Session {
  readonly id: string
  /** Epoch milliseconds. */
  readonly endsAt: number
}

/**
 * The page's session, carried whole in its cookie: an id, its end, and a seal that
 * only this gateway can make. Only what was ended before its time is stored, so a session outlives a
 * restart; a new `gateway.token` ends them all.
 */
export class SessionCookies {
  readonly #key: Buffer

  constructor(gatewayToken: Secret) {
    this.#key = createHmac('sha256', gatewayToken.reveal()).update('hermes page session').digest()
  }

  issue(now: number): string {
    const content = `${randomBytes(ID_BYTES).toString('base64url')}.${now + SESSION_LIFE_MS}`
    return `${content}.${this.#seal(content)}`
  }

  /** The session; null = not ours, or over by its age. */
  verify(value: string, now: number): Session | null {
    const [id, end, seal, ...rest] = value.split('.')
    if (!id || !end || !seal || rest.length > 0) return null
    const expected = Buffer.from(this.#seal(`${id}.${end}`))
    const given = Buffer.from(seal)
    if (expected.length !== given.length || !timingSafeEqual(expected, given)) return null
    return Number(end) > now ? { id, endsAt: Number(end) } : null
  }

  #seal(content: string): string {
    return createHmac('sha256', this.#key).update(content).digest('base64url')
  }
}

/** The cookie's name: browsers do not keep ports apart, so two gateways on one machine must. */
export function cookieName(port: number): string {
  return `hermes_session_${port}`
}

/** `Set-Cookie` for a new session; an empty `value` removes it. */
export function setCookie(name: string, value: string, secure: boolean): string {
  const life = value === '' ? 0 : SESSION_LIFE_MS / SECOND
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${life}${secure ? '; Secure' : ''}`
}

/** The value of cookie `name` in a `Cookie` header. */
export function readCookie(header: string, name: string): string | null {
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=')
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return null
}
