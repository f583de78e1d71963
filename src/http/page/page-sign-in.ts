import type { KeySignIn } from '../../credentials/key-sign-in.ts'
import type { LoginSessions } from '../../credentials/login.ts'
import type { LoginService } from '../api/services.ts'

export interface PageSignInParts {
  readonly logins: LoginSessions
  readonly keySignIn: KeySignIn
}

/** Sign-in through the page, with an account or an API key. */
export function pageSignIn({ logins, keySignIn }: PageSignInParts): LoginService {
  return {
    async start(client) {
      const { url, session, expiresAt } = await logins.begin(client)
      return { authorizeUrl: url, session, expiresAt }
    },
    async finish(client, session, code) {
      const { account } = await logins.finish(client, session, code, false)
      return { account, note: await keySignIn.whatWins() }
    },
    async confirm(client) {
      const { account } = await logins.confirm(client)
      return { account, note: await keySignIn.whatWins() }
    },
    apiKey: (key) => keySignIn.signIn(key),
  }
}
