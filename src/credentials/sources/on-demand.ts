import type { CredentialReason } from '../../support/errors.ts'
import type { CredentialKind, SourceName } from '../credential.ts'
import { managedCredential, NOT_YET_ISSUED } from '../managed-credential.ts'
import type { Generation, RefreshableSignIn, RefreshOutcome, StoredSignIn } from '../sign-in.ts'
import type { SourceReading } from './source.ts'
import { NOTHING_TO_WATCH } from './source.ts'

export type Issue =
  | { readonly kind: 'issued'; readonly generation: Generation }
  | { readonly kind: 'failed'; readonly reason: CredentialReason; readonly message: string }

/**
 * A sign-in that lives elsewhere and gives a token when it is asked: a command. Nothing of it is spent or stored here; the last token is kept in memory.
 */
export class OnDemandSignIn implements RefreshableSignIn {
  readonly #issue: (signal: AbortSignal) => Promise<Issue>
  #last: Generation = NOT_YET_ISSUED

  /** @param issue asks for a token */
  constructor(issue: (signal: AbortSignal) => Promise<Issue>) {
    this.#issue = issue
  }

  get last(): Generation {
    return this.#last
  }

  async read(): Promise<StoredSignIn> {
    return { kind: 'present', generation: this.#last }
  }

  async refresh(spent: Generation, signal: AbortSignal): Promise<RefreshOutcome> {
    const again = spent !== NOT_YET_ISSUED
    const issue = await this.#issue(signal)
    if (issue.kind === 'failed') return transient(issue.reason, issue.message)
    const { generation } = issue
    if (again && generation.accessToken.equals(spent.accessToken) && !livesLonger(generation, spent)) {
      return transient('revoked', 'the same token was given again')
    }
    this.#last = generation
    return { kind: 'renewed', generation }
  }

  async saveUnsaved(): Promise<boolean> {
    return true
  }

  watch(): Disposable {
    return NOTHING_TO_WATCH
  }
}

/** What the resolver sees of a sign-in that is asked on demand. */
export function readOnDemand(
  source: SourceName,
  kind: CredentialKind,
  place: string,
  signIn: OnDemandSignIn,
): SourceReading {
  const credential = managedCredential(signIn.last, {
    kind,
    source,
    signIn,
    borrowed: true,
    needsNoRefreshToken: true,
  })
  return { source, place, kind: 'present', credential }
}

function livesLonger(next: Generation, last: Generation): boolean {
  return next.expiresAt !== null && last.expiresAt !== null && next.expiresAt > last.expiresAt
}

function transient(reason: CredentialReason, message: string): RefreshOutcome {
  return { kind: 'transient', reason, message, retryAfterMs: null, ambiguous: false }
}
