import { Refused, TransientError } from '../support/errors.ts'
import { Secret } from '../support/secret.ts'
import type { OwnSignIns } from './own/own-sign-ins.ts'
import type { Resolver } from './sources/decision.ts'

/** Checks of an API key before it is stored. */
export interface KeyCheck {
  /** Why this cannot be a key, as a sentence that does not hold it; null = its shape is fine. */
  shapeProblem(key: string): string | null
  /** Asks the provider; `message` is a sentence. */
  prove(
    key: Secret,
  ): Promise<{ kind: 'accepted' } | { readonly kind: 'refused' | 'unknown'; readonly message: string }>
}

export interface KeySignInParts {
  readonly own: Pick<OwnSignIns, 'signIn'>
  readonly resolver: Pick<Resolver, 'resolve'>
  readonly keys: KeyCheck
}

export interface KeySignIn {
  /**
   * Stores an API key that the provider accepts, and makes it the active sign-in.
   *
   * @throws Refused for an invalid or rejected key; TransientError when the provider could not be asked
   */
  signIn(key: string): Promise<{ readonly fingerprint: string; readonly note: string | null }>
  /** What still takes precedence over a stored sign-in, as a sentence; null = nothing. */
  whatWins(): Promise<string | null>
}

/** Sign-in with an API key from the page or a chat: checked by one cheap request, then stored. */
export function createKeySignIn({ own, resolver, keys }: KeySignInParts): KeySignIn {
  const whatWins = async (): Promise<string | null> => {
    const { reports } = await resolver.resolve()
    const winner = reports.find(({ inUse }) => inUse)
    if (!winner || winner.source === 'own') return null
    return `It is stored, but ${winner.place} still wins. Remove that one; “hermes auth sources” lists them all.`
  }
  return {
    whatWins,
    async signIn(text) {
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
