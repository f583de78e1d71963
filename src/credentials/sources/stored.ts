import { isSandboxToken } from '../../support/sandbox-mark.ts'
import type { SourceName } from '../credential.ts'
import { managedCredential } from '../managed-credential.ts'
import type { RefreshableSignIn, StoredSignIn } from '../sign-in.ts'
import { SANDBOX_TOKEN_REFUSED, type SourceReading } from './source.ts'

export interface StoredOptions {
  readonly source: SourceName
  readonly place: string
  readonly signIn: RefreshableSignIn
  readonly borrowed: boolean
  readonly allowSandboxTokens: boolean
  /** Where it is broken, may a later source be used instead? */
  readonly chainGoesOn: boolean
}

/** What the store of a renewable sign-in gives to the resolver. */
export function readingOf(stored: StoredSignIn, options: StoredOptions): SourceReading {
  const { source, place, signIn, borrowed, chainGoesOn } = options
  switch (stored.kind) {
    case 'absent':
      return { source, place, kind: 'absent', message: 'not found' }
    case 'unusable':
      return {
        source,
        place,
        kind: 'unusable',
        credentialKind: 'oauth',
        reason: stored.reason,
        message: stored.message,
        misconfigured: false,
        chainGoesOn,
      }
    case 'present': {
      const { generation } = stored
      if (!options.allowSandboxTokens && isSandboxToken(generation.accessToken.reveal())) {
        return {
          source,
          place,
          kind: 'unusable',
          credentialKind: 'oauth',
          reason: 'absent',
          message: SANDBOX_TOKEN_REFUSED,
          misconfigured: true,
          chainGoesOn,
        }
      }
      const credential = managedCredential(generation, { kind: 'oauth', source, signIn, borrowed })
      return { source, place, kind: 'present', credential }
    }
  }
}
