import type { ChatSignIn } from '../../conversation/login/chat-login.ts'
import type { KeySignIn } from '../../credentials/key-sign-in.ts'
import { accountName, OtherAccount, type LoginSessions } from '../../credentials/login.ts'

interface ChatSignInParts {
  readonly logins: LoginSessions
  readonly keySignIn: KeySignIn
  /** Is an API key in use, or was one rejected? */
  readonly usesKey: () => boolean
}

/** The sign-ins that were started, as a chat sees them. */
export function chatSignIn({ logins, keySignIn, usesKey }: ChatSignInParts): ChatSignIn {
  return {
    usesKey,
    begin: (owner) => logins.begin(owner),
    async finish(owner, paste) {
      try {
        const account = accountName(await logins.finish(owner, null, paste, false))
        return { account, note: await keySignIn.whatWins() }
      } catch (error) {
        if (error instanceof OtherAccount) return { conflict: error.message }
        throw error
      }
    },
    async confirm(owner) {
      const account = accountName(await logins.confirm(owner))
      return { account, note: await keySignIn.whatWins() }
    },
    useKey: (key) => keySignIn.signIn(key),
    cancel: (owner) => logins.cancel(owner),
  }
}
