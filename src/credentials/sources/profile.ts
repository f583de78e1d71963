import type { Clock } from '../../support/clock.ts'
import { messageOf } from '../../support/errors.ts'
import { Secret } from '../../support/secret.ts'
import { NOT_YET_ISSUED } from '../managed-credential.ts'
import { OnDemandSignIn, readOnDemand, type Issue } from './on-demand.ts'
import { absentSource, NOTHING_TO_WATCH, type CredentialSource, type SourceReading } from './source.ts'

/** A profile or a workload identity of Anthropic's own tools, as an adapter over their code gives it. */
export interface ProfileAccess {
  /** What was found, for people; null = nothing is configured. */
  find(): Promise<{ readonly place: string } | null>
  /**
   * @param again the last token was rejected or is nearly over
   * @returns a token, and epoch milliseconds of its end or null
   * @throws when none can be had
   */
  token(again: boolean): Promise<{ readonly token: string; readonly expiresAt: number | null }>
}

/** @param access null where profiles are not looked at, as in the sandbox */
export function profileSource(access: ProfileAccess | null, clock: Clock): CredentialSource {
  const source = 'profile'
  const place = 'Anthropic profile'
  if (access === null) return absentSource(source, place, 'not looked at')
  const signIn = new OnDemandSignIn((again) => issue(access, again, clock))
  return {
    name: source,
    async read(): Promise<SourceReading[]> {
      try {
        const found = await access.find()
        if (found === null) return [{ source, place, kind: 'absent', message: 'not found' }]
        return [readOnDemand(source, 'profile', found.place, signIn)]
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
    watch: () => NOTHING_TO_WATCH,
  }
}

async function issue(access: ProfileAccess, again: boolean, clock: Clock): Promise<Issue> {
  try {
    const { token, expiresAt } = await access.token(again)
    return {
      kind: 'issued',
      generation: { ...NOT_YET_ISSUED, accessToken: new Secret(token), expiresAt, issuedAt: clock.now() },
    }
  } catch {
    // The tool's own text may quote its server's answer.
    return { kind: 'failed', reason: 'endpoint', message: 'the profile gave no token' }
  }
}
