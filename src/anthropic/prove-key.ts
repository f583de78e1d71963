import type { Credential } from '../credentials/credential.ts'
import { systemClock } from '../support/clock.ts'
import type { Secret } from '../support/secret.ts'
import { tokenShapeProblem } from '../support/text/token-shape.ts'
import { credentialProbe } from './credential-probe.ts'

/** The result of checking a key. */
export type KeyProof =
  | { readonly kind: 'accepted' }
  /** The provider rejects it; `message` is a sentence. */
  | { readonly kind: 'refused'; readonly message: string }
  /** The provider could not be reached. */
  | { readonly kind: 'unknown'; readonly message: string }

/** Why `key` cannot be an API key, as a sentence; null = its shape is fine. Never holds the key. */
export function keyShapeProblem(key: string): string | null {
  if (key === '') return 'The key is empty.'
  const problem = tokenShapeProblem(key)
  if (problem !== null) return `The key ${problem}`
  return key.startsWith('sk-ant-oat')
    ? 'That is an OAuth token, not an API key. "hermes auth login" creates a sign-in that can be renewed.'
    : null
}

/** Asks the provider by one cheap request whether it accepts the key. */
export async function proveKey(
  provider: { readonly baseUrl: string; readonly userAgent: string },
  key: Secret,
): Promise<KeyProof> {
  const probe = credentialProbe({ ...provider, headers: {}, clock: systemClock })
  const credential: Credential = {
    kind: 'api-key',
    source: 'own',
    secret: key,
    fingerprint: key.fingerprint,
    expiresAt: null,
    accountId: null,
  }
  const result = await probe(credential)
  switch (result.kind) {
    case 'accepted':
      return { kind: 'accepted' }
    case 'unknown':
      return { kind: 'unknown', message: `The provider at ${provider.baseUrl} cannot be asked right now.` }
    case 'rejected': {
      const message =
        result.rejection.kind === 'not-permitted'
          ? 'The provider knows this key but does not permit its use (check its billing and policies).'
          : 'The provider does not accept this key.'
      return { kind: 'refused', message }
    }
  }
}

/** Both checks of a key that a person entered. */
export function keyCheck(provider: Parameters<typeof proveKey>[0]): {
  shapeProblem(key: string): string | null
  prove(key: Secret): Promise<KeyProof>
} {
  return { shapeProblem: keyShapeProblem, prove: (key) => proveKey(provider, key) }
}
