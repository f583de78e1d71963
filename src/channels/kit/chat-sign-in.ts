import type { ChatSignIn } from '../../conversation/login.ts'
import { accountName, OtherAccount, type LoginSessions } from '../../credentials/login.ts'

/** The sign-ins that were started, as a chat sees them. */
export function chatSignIn(logins: LoginSessions): ChatSignIn {
  return {
    begin: (owner) => logins.begin(owner),
    waits: (owner) => logins.waits(owner),
    async finish(owner, paste) {
      try {
        return { account: accountName(await logins.finish(owner, null, paste, false)) }
      } catch (error) {
        if (error instanceof OtherAccount) return { conflict: error.message }
        throw error
      }
    },
    confirm: async (owner) => ({ account: accountName(await logins.confirm(owner)) }),
  }
}
