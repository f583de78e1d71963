import type { CredentialReason } from '../../support/errors.ts'
import type { CredentialKind, SourceName } from '../credential.ts'
import type { ManagedCredential } from '../managed-credential.ts'

/** What one place holds. A source with several places (variables) gives several, in order. */
export type SourceReading = {
  readonly source: SourceName
  /** The place, for people: a variable's name or a path. */
  readonly place: string
} & (
  | { readonly kind: 'absent'; readonly message: string }
  | { readonly kind: 'present'; readonly credential: ManagedCredential }
  /** Something is there that must not be used. */
  | {
      readonly kind: 'unusable'
      readonly credentialKind: CredentialKind | null
      readonly reason: CredentialReason
      readonly message: string
      /** A person has to change a setting; no sign-in fixes it. */
      readonly misconfigured: boolean
      /** May a later source be used instead? Not where a person's explicit choice is broken. */
      readonly chainGoesOn: boolean
    }
)

/** A place where a credential may come from. */
export interface CredentialSource {
  readonly name: SourceName
  /** Reads what is there now. Makes no request and runs no program. Never rejects. */
  read(): Promise<readonly SourceReading[]>
  /** Calls `listener` within 5 s after what `read` gives may have changed. */
  watch(listener: () => void): Disposable
}

export const NOTHING_TO_WATCH: Disposable = { [Symbol.dispose]() {} }

/** Why a production gateway does not use a token that the simulated Anthropic issued. */
export const SANDBOX_TOKEN_REFUSED = 'is a token of the sandbox, which means nothing to the real service'

/** A source that is not configured, or must not be read. */
export function absentSource(source: SourceName, place: string, message: string): CredentialSource {
  return {
    name: source,
    read: async () => [{ source, place, kind: 'absent', message }],
    watch: () => NOTHING_TO_WATCH,
  }
}
