import { messageOf } from '../../support/errors.ts'
import type { RefreshableSignIn } from '../sign-in.ts'
import { NOTHING_TO_WATCH, type CredentialSource } from '../sources/source.ts'
import { readingOf } from '../sources/stored.ts'

export interface ClaudeCodeSourceOptions {
  /** The path, for people. */
  readonly place: string
  readonly signIn: RefreshableSignIn
  readonly adopt: 'auto' | boolean
}

/**
 * Claude Code's sign-in, borrowed: it belongs to another program. Whether `auto` adopts
 * it depends on the other sources and is decided where all of them are seen.
 */
export function claudeCodeSource(options: ClaudeCodeSourceOptions): CredentialSource {
  const { place, signIn, adopt } = options
  const source = 'claude-code'
  return {
    name: source,
    async read() {
      if (adopt === false) {
        return [{ source, place, kind: 'absent', message: 'not looked at: auth.adopt_claude_code is false' }]
      }
      try {
        return [
          readingOf(await signIn.read(), {
            source,
            place,
            signIn,
            borrowed: true,
            allowSandboxTokens: false,
            chainGoesOn: true,
          }),
        ]
      } catch (error) {
        return [
          {
            source,
            place,
            kind: 'unusable',
            credentialKind: 'oauth',
            reason: 'store',
            message: messageOf(error),
            misconfigured: false,
            chainGoesOn: true,
          },
        ]
      }
    },
    watch: (listener) => (adopt === false ? NOTHING_TO_WATCH : signIn.watch(listener)),
  }
}
