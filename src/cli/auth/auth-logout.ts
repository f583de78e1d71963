import type { CredentialParts } from '../../credentials/assemble.ts'
import { StoreError } from '../../support/errors.ts'
import { EXIT, type ExitCode, type GlobalOptions } from '../command.ts'
import { print, printError } from '../terminal/output.ts'
import { withCredentials } from './auth-parts.ts'

/** Removes the gateway's own sign-ins, and only ever those; says what is used from now on. */
export function authLogoutCommand(options: GlobalOptions): Promise<ExitCode> {
  return withCredentials(options, logout)
}

async function logout({ own, resolver }: CredentialParts): Promise<ExitCode> {
  try {
    const removed = await own.logout()
    print(removed ? 'The own sign-in was removed.' : 'There was no own sign-in.')
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    printError(error.message)
    return EXIT.failed
  }
  const { reports } = await resolver.resolve()
  const next = reports.find(({ inUse }) => inUse)
  print(
    next
      ? `From now on ${next.source} (${next.place}) is used.`
      : 'Nothing else is configured: messages are held until you sign in again with `hermes auth login --headless`.',
  )
  return EXIT.ok
}
