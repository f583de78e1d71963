import type { LoginSessions } from '../../credentials/login.ts'
import type { OwnSignIns } from '../../credentials/own/own-sign-ins.ts'
import type { Resolver } from '../../credentials/sources/decision.ts'
import { Refused, TransientError } from '../../support/errors.ts'
import { Secret } from '../../support/secret.ts'
import type { LoginService } from '../api/services.ts'

export interface PageSignInParts {
  readonly logins: LoginSessions
  readonly own: Pick<OwnSignIns, 'signIn'>
  readonly resolver: Pick<Resolver, 'resolve'>
  readonly keys: KeyCheck
}

/** Checks of an API key before it is stored. */
export interface KeyCheck {
  /** Why this cannot be a key, as a sentence that does not hold it; null = its shape is fine. */
  shapeProblem(key: string): string | null
  /** Asks the provider; `message` is a sentence. */
  prove(
    key: Secret,
  ): Promise<{ kind: 'accepted' } | { readonly kind: 'refused' | 'unknown'; readonly message: string }>
}

/** Sign-in through the page, with an account or an API key. */
export function pageSignIn({ logins, own, resolver, keys }: PageSignInParts): LoginService {
  /** What still takes precedence over a stored sign-in, as a sentence. */
  const whatWins = async (): Promise<string | null> => {
    const { reports } = await resolver.resolve()
    const winner = reports.find(({ inUse }) => inUse)
    if (!winner || winner.source === 'own') return null
    return `It is stored, but ${winner.place} still wins. Remove that one; “hermes auth sources” lists them all.`
  }
  return {
    async start(client) {
      const { url, session, expiresAt } = await logins.begin(client)
      return { authorizeUrl: url, session, expiresAt }
    },
    async finish(client, session, code) {
      const { account } = await logins.finish(client, session, code, false)
      return { account, note: await whatWins() }
    },
    async confirm(client) {
      const { account } = await logins.confirm(client)
      return { account, note: await whatWins() }
    },
    async apiKey(text) {
      const trimmed = text.trim()
      const problem = keys.shapeProblem(trimmed)
      if (problem !== null) throw new Refused(problem)
      const key = new Secret(trimmed)
      const proof = await keys.prove(key)
      if (proof.kind === 'refused') throw new Refused(`${proof.message} Nothing was stored.`)
      if (proof.kind === 'unknown')
        throw new TransientError(`${proof.message} Nothing was stored.`, null, 'network')
      await own.signIn({ kind: 'api-key', key })
      return { fingerprint: key.fingerprint, note: await whatWins() }
    },
  }
}
