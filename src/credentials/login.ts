import { beginAuthorization, type Authorization } from '../oauth/authorization.ts'
import { readPaste } from '../oauth/read-paste.ts'
import type { IssuedTokens, OAuthSettings, TokenEndpoint } from '../oauth/token-endpoint.ts'
import { MINUTE, type Clock } from '../support/clock.ts'
import { Refused } from '../support/errors.ts'
import { newId } from '../support/ids.ts'
import type { OwnSignIn } from './own/own-document.ts'
import type { OwnSignIns } from './own/own-sign-ins.ts'

/** How long a started sign-in can be finished: long enough for a phone and a second factor. */
export const LOGIN_LIFE_MS = 10 * MINUTE

/** The terms, in short, shown before anybody signs in with a subscription. */
export const TERMS_NOTICE = `Signing in with a Claude subscription: Anthropic keeps subscription sign-ins for Claude Code and its
own applications, bills their use by other programs as extra usage, and may refuse them. For programs
it asks for an API key, workload identity federation or a cloud provider ("hermes auth login --api-key").
Going on is your own choice.`

export interface LoginOptions {
  readonly settings: OAuthSettings
  readonly endpoint: Pick<TokenEndpoint, 'exchange'>
  readonly store: Pick<OwnSignIns, 'signIn' | 'current'>
  readonly clock: Clock
  /** How the owner gets a new code, as a sentence. */
  readonly newCode?: string
}

/** A started sign-in, as its owner sees it. */
export interface StartedLogin {
  readonly session: string
  readonly url: string
  /** Epoch milliseconds. */
  readonly expiresAt: number
}

export interface FinishedLogin {
  readonly signIn: OwnSignIn
  /** E-mail address or id of the account; null = the server did not say. */
  readonly account: string | null
}

/** The code was good, and it belongs to another account than the sign-in that it would replace. */
export class OtherAccount extends Refused {
  readonly present: string
  readonly given: string

  constructor(present: string, given: string) {
    super(`This is another account (${given}) than the present one (${present}).`)
    this.present = present
    this.given = given
  }
}

interface Pending {
  readonly session: string
  readonly owner: string
  readonly authorization: Authorization
  readonly expiresAt: number
  /** The exchange is under way: a second paste of the same code must not be sent. */
  exchanging: boolean
  /** Fingerprints of codes that the endpoint refused: none is sent twice. */
  readonly refused: Set<string>
  /** Exchanged, and waiting for the owner to say that another account may take the place. */
  tokens: IssuedTokens | null
}

/**
 * Sign-ins that have been started and not finished. Each is bound to its owner (a person
 * in a chat, a browser's session, a command), single use, and lives in memory only; an
 * owner has one at a time, and starting another ends the one before.
 */
export class LoginSessions {
  readonly #options: LoginOptions
  readonly #pending = new Map<string, Pending>()

  constructor(options: LoginOptions) {
    this.#options = options
  }

  get #newCode(): string {
    return this.#options.newCode ?? 'Open the link again for a new one.'
  }

  /** @param redirectUri a loopback address that receives the code, instead of the page that shows it */
  async begin(owner: string, redirectUri?: string): Promise<StartedLogin> {
    this.#forgetOld()
    const { settings, clock } = this.#options
    const authorization = await beginAuthorization(settings, redirectUri)
    const now = clock.now()
    const pending: Pending = {
      session: newId(now),
      owner,
      authorization,
      expiresAt: now + LOGIN_LIFE_MS,
      exchanging: false,
      refused: new Set(),
      tokens: null,
    }
    this.#pending.set(owner, pending)
    return { session: pending.session, url: authorization.url, expiresAt: pending.expiresAt }
  }

  /** Is a sign-in of this owner open: waiting for its code, or for what becomes of it? */
  waits(owner: string): boolean {
    this.#forgetOld()
    return this.#pending.has(owner)
  }

  /** As `waits`, of anybody whose name begins so. */
  waitsForAny(prefix: string): boolean {
    this.#forgetOld()
    return [...this.#pending.keys()].some((owner) => owner.startsWith(prefix))
  }

  /**
   * Takes the paste, exchanges the code and stores the sign-in. A slip (an unreadable paste, a code that is
   * refused, an endpoint that does not answer) leaves the sign-in open for its time: the same address shows
   * a new code. What is guessed against is 32 random bytes, so slips need not be counted.
   *
   * @param session null: whichever the owner has
   * @param replace another account may take the place of the present one
   * @throws Refused with one plain sentence; nothing was stored. OtherAccount: call `confirm`. StoreError
   */
  async finish(
    owner: string,
    session: string | null,
    paste: string,
    replace: boolean,
  ): Promise<FinishedLogin> {
    const pending = this.#find(owner, session)
    const read = readPaste(paste, pending.authorization.state)
    if (read.kind === 'refused') throw new Refused(read.message)
    if (pending.exchanging || pending.tokens || pending.refused.has(read.code.fingerprint))
      throw new Refused(`This code was used already. ${this.#newCode}`)
    pending.exchanging = true
    const { verifier, redirectUri, state } = pending.authorization
    const result = await this.#options.endpoint
      .exchange({ code: read.code, verifier, redirectUri, state })
      .finally(() => (pending.exchanging = false))
    if (result.kind !== 'issued') {
      if (result.kind === 'dead') pending.refused.add(read.code.fingerprint)
      throw new Refused(refusalOf(result, this.#newCode))
    }
    pending.tokens = result.tokens
    // Ended or started again while the exchange ran: this sign-in is nobody's any more.
    if (this.#pending.get(owner) !== pending) throw new Refused(OVER)
    return this.#complete(pending, replace)
  }

  /** The owner has agreed that another account takes the place. */
  async confirm(owner: string): Promise<FinishedLogin> {
    const pending = this.#find(owner, null)
    if (!pending.tokens) throw new Refused('There is nothing to confirm. Start the sign-in again.')
    return this.#complete(pending, true)
  }

  cancel(owner: string): void {
    this.#pending.delete(owner)
  }

  async #complete(pending: Pending, replace: boolean): Promise<FinishedLogin> {
    const tokens = pending.tokens!
    const { store, settings } = this.#options
    if (!replace) {
      const present = await store.current()
      if (present.kind === 'oauth' && present.generation.accountId && tokens.accountId) {
        if (present.generation.accountId !== tokens.accountId) {
          throw new OtherAccount(nameOf(present.generation) ?? 'unknown', nameOf(tokens) ?? 'unknown')
        }
      }
    }
    const signIn = await store.signIn({ kind: 'oauth', tokens, requestedScopes: settings.scopes })
    this.#pending.delete(pending.owner)
    return { signIn, account: nameOf(tokens) }
  }

  #find(owner: string, session: string | null): Pending {
    this.#forgetOld()
    const pending = this.#pending.get(owner)
    if (!pending || (session !== null && pending.session !== session)) throw new Refused(OVER)
    return pending
  }

  #forgetOld(): void {
    const now = this.#options.clock.now()
    for (const [owner, pending] of this.#pending) {
      // A code that came in time is finished, however long the exchange takes.
      if (pending.expiresAt <= now && !pending.exchanging) this.#pending.delete(owner)
    }
  }
}

const OVER = 'No sign-in is waiting for a code here, or its ten minutes are over. Start it again.'

function nameOf(from: {
  readonly accountEmail: string | null
  readonly accountId: string | null
}): string | null {
  return from.accountEmail ?? from.accountId
}

function refusalOf(
  result: Exclude<Awaited<ReturnType<TokenEndpoint['exchange']>>, { kind: 'issued' }>,
  newCode: string,
): string {
  switch (result.kind) {
    case 'dead':
      return result.reason === 'account'
        ? 'The account is on hold. Settle it with the provider.'
        : `The code was refused: it is used up, too old or mistyped. ${newCode}`
    case 'stopped':
      return OVER
    case 'transient':
      return result.reason === 'rate-limited'
        ? 'The provider takes no sign-ins from here at the moment (too many requests). Try again in some minutes.'
        : `The code could not be exchanged: ${result.message}. Try again in a moment.`
  }
}

/** What a finished sign-in is called where people read of it. */
export function accountName({ account }: FinishedLogin): string {
  return account ?? 'an account without a name'
}
