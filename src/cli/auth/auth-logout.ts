import type { CredentialParts } from '../../credentials/assemble.ts'
import { StoreError } from '../../support/errors.ts'
import { EXIT, type ExitCode, type GlobalOptions } from '../command.ts'
import { print, printError } from '../terminal/output.ts'
import { withCredentials } from './auth-parts.ts'

/** Removes the gateway's own sign-ins, never another program's, and prints what is used instead. */
export function authLogoutCommand(options: GlobalOptions): Promise<ExitCode> {
  return withCredentials(options, logout)
}

async function logout({ own, resolver }: CredentialParts): Promise<ExitCode> {
  try {
    const removed = await own.logout()
    print(removed ? "Removed the gateway's own sign-in." : 'The gateway has no sign-in of its own.')
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    printError(error.message)
    return EXIT.failed
  }
  const { reports } = await resolver.resolve()
  const next = reports.find(({ inUse }) => inUse)
  print(
    next
      ? `Now using ${next.source} (${next.place}).`
      : 'No other credential is configured: messages are held until you sign in with `hermes auth login --headless`.',
  )
  return EXIT.ok
}
