import { messageOf } from '../../support/errors.ts'
import type { Secret } from '../../support/secret.ts'
import { managedCredential, NOT_YET_ISSUED } from '../credential.ts'
import {
  livesLonger,
  transientFailure,
  type Generation,
  type RefreshableSignIn,
  type RefreshOutcome,
  type StoredSignIn,
} from '../sign-in.ts'
import { absentSource, type CredentialSource, type SourceReading } from './decision.ts'

/** A profile or a workload identity as it is configured and stored now. */
export interface FoundProfile {
  /** For people. */
  readonly place: string
  /** What its credentials file holds; null = it has none, or nothing is in it yet. */
  readonly stored: Generation | null
  /** It can only come from its file, and nothing is there. */
  readonly isSignedOut: boolean
  readonly renewable: boolean
  /** What its configuration wants sent with each request. */
  readonly headers: Readonly<Record<string, string>>
  /** Where its token is presented; null = at `model.base_url`. */
  readonly baseUrl: string | null
}

/** Profiles and workload identities of Anthropic's own tools, as an adapter over their code gives them. */
export interface ProfileAccess {
  /** null = nothing is configured. @throws where the configuration cannot be read */
  find(): Promise<FoundProfile | null>
  /**
   * Asks for a token in place of `failed`, which was rejected or is nearly over. Ends within
   * `MAX_WAIT_MS`, and at once by `signal` unless what was sent is single use. Never rejects.
   *
   * @param failed null: there was none yet
   */
  refresh(failed: Secret | null, signal: AbortSignal): Promise<RefreshOutcome>
  /** Calls `listener` within 5 s after what `find` gives may have changed. */
  watch(listener: () => void): Disposable
}

/** A token of a profile. `expiresAt` and `issuedAt` are epoch milliseconds; null = unknown. */
export function profileGeneration(
  accessToken: Secret,
  expiresAt: number | null,
  issuedAt: number | null,
): Generation {
  return { ...NOT_YET_ISSUED, accessToken, expiresAt, issuedAt }
}

/** @param access null where profiles are not read, as in the sandbox */
export function profileSource(access: ProfileAccess | null): CredentialSource {
  const source = 'profile'
  const place = 'Anthropic profile'
  if (access === null) return absentSource(source, place, 'not looked at')
  const signIn = new ProfileSignIn(access)
  return {
    name: source,
    async read(): Promise<SourceReading[]> {
      try {
        const found = await access.find()
        if (found === null) return [{ source, place, kind: 'absent', message: 'not found' }]
        if (found.isSignedOut) {
          return [{ source, place: found.place, kind: 'absent', message: 'signed out' }]
        }
        const credential = managedCredential(signIn.newest(found.stored), {
          kind: 'profile',
          source,
          signIn,
          borrowed: true,
          needsNoRefreshToken: found.renewable,
          headers: found.headers,
          baseUrl: found.baseUrl,
        })
        return [{ source, place: found.place, kind: 'present', credential }]
      } catch (error) {
        return [
          {
            source,
            place,
            kind: 'unusable',
            credentialKind: 'profile',
            reason: 'absent',
            message: messageOf(error),
            misconfigured: true,
            chainGoesOn: true,
          },
        ]
      }
    },
    watch: (listener) => access.watch(listener),
  }
}

/**
 * The sign-in behind a profile. It lives in a file of Anthropic's tools, or, where a workload
 * identity has none, nowhere: then the last token is kept in memory.
 */
class ProfileSignIn implements RefreshableSignIn {
  readonly #access: ProfileAccess
  #last: Generation = NOT_YET_ISSUED
  /** What `#last` took the place of: a file that still holds it was not written. */
  #replaced: Secret | null = null

  constructor(access: ProfileAccess) {
    this.#access = access
  }

  /** @param stored what the file holds */
  newest(stored: Generation | null): Generation {
    const { accessToken } = this.#last
    const knowsBetter =
      stored === null || stored.accessToken.equals(accessToken) || this.#replaced?.equals(stored.accessToken)
    return knowsBetter ? this.#last : stored
  }

  async read(): Promise<StoredSignIn> {
    const found = await this.#access.find()
    if (found === null || found.isSignedOut) return { kind: 'absent' }
    return { kind: 'present', generation: this.newest(found.stored) }
  }

  async refresh(spent: Generation, signal: AbortSignal): Promise<RefreshOutcome> {
    const failed = spent === NOT_YET_ISSUED ? null : spent.accessToken
    const outcome = await this.#access.refresh(failed, signal)
    if (outcome.kind !== 'renewed' && outcome.kind !== 'adopted') return outcome
    const { generation } = outcome
    if (failed?.equals(generation.accessToken) && !livesLonger(generation, spent)) {
      return transientFailure('revoked', 'the same token was given again')
    }
    this.#last = generation
    this.#replaced = failed
    return outcome
  }

  async saveUnsaved(): Promise<boolean> {
    return true
  }

  watch(listener: () => void): Disposable {
    return this.#access.watch(listener)
  }
}
