import { messageOf } from '../../support/errors.ts'
import { isSandboxToken } from '../../support/sandbox-mark.ts'
import { staticCredential } from '../managed-credential.ts'
import type { RefreshableSignIn } from '../sign-in.ts'
import { SANDBOX_TOKEN_REFUSED, type CredentialSource, type SourceReading } from '../sources/source.ts'
import { readingOf } from '../sources/stored.ts'
import type { OwnSignIns } from './own-sign-ins.ts'

export interface OwnSourceOptions {
  /** The path or the database, for people. */
  readonly place: string
  readonly signIns: Pick<OwnSignIns, 'current' | keyof RefreshableSignIn>
  readonly allowSandboxTokens: boolean
}

/** `credentials.json`: what a person signed in with, here, for this gateway. */
export function ownSource(options: OwnSourceOptions): CredentialSource {
  const { place, signIns, allowSandboxTokens } = options
  const source = 'own'
  return {
    name: source,
    async read() {
      try {
        const content = await signIns.current()
        if (content.kind !== 'api-key') {
          const stored =
            content.kind === 'oauth' ? { kind: 'present' as const, generation: content.generation } : content
          return [
            readingOf(stored, {
              source,
              place,
              signIn: signIns,
              borrowed: false,
              allowSandboxTokens,
              // A person chose this sign-in: another account's credential does not take over in silence.
              chainGoesOn: false,
            }),
          ]
        }
        const { key } = content
        if (!allowSandboxTokens && isSandboxToken(key.reveal())) {
          return [unusable(place, SANDBOX_TOKEN_REFUSED, true)]
        }
        return [{ source, place, kind: 'present', credential: staticCredential('api-key', source, key) }]
      } catch (error) {
        return [unusable(place, messageOf(error), false)]
      }
    },
    watch: (listener) => signIns.watch(listener),
  }
}

function unusable(place: string, message: string, misconfigured: boolean): SourceReading {
  return {
    source: 'own',
    place,
    kind: 'unusable',
    credentialKind: null,
    reason: misconfigured ? 'absent' : 'store',
    message,
    misconfigured,
    chainGoesOn: false,
  }
}
