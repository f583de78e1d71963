import type { Keeper } from '../../credentials/keeper/keeper.ts'
import { exitCodeOf, suggestedCommand } from '../../credentials/keeper/status.ts'
import { EXIT, type ExitCode, type GlobalOptions } from '../command.ts'
import { localTime, print, printError, printJson } from '../terminal/output.ts'
import { withCredentials } from './auth-parts.ts'
import { printStatus } from './auth-status.ts'

interface RefreshCommandOptions extends GlobalOptions {
  readonly json: boolean
}

/** Outcomes that leave a newer token in use, ours or another process's. */
const SUCCESSES: ReadonlySet<string> = new Set(['renewed', 'adopted', 'unsaved'])

/**
 * Refreshes the token once, under the locks that a running gateway uses; the gateway adopts the result.
 * Refuses if the grant is known to be dead, or before the time given by the endpoint.
 */
export function authRefreshCommand(options: RefreshCommandOptions): Promise<ExitCode> {
  return withCredentials(options, ({ keeper }) => refresh(options, keeper))
}

async function refresh(options: RefreshCommandOptions, keeper: Keeper): Promise<ExitCode> {
  const before = keeper.snapshot()
  const finish = (outcome: string | null, message: string | null, code: ExitCode): ExitCode => {
    const status = keeper.snapshot()
    if (options.json) printJson({ outcome, message, status })
    else {
      if (outcome !== null && SUCCESSES.has(outcome)) print(`Token refreshed (${outcome}).\n`)
      else printError(message ?? `the refresh failed (${outcome}).`)
      printStatus(status, keeper.message)
    }
    return code
  }
  if (before.kind === 'api-key' && before.state === 'healthy') {
    return finish(null, 'nothing to refresh: an API key does not expire.', EXIT.failed)
  }
  if (!before.renewable || before.state === 'needs-login') {
    const command = suggestedCommand(before)
    const message = keeper.message ?? 'this credential cannot be renewed'
    return finish(
      null,
      `nothing to refresh: ${message}. Run \`${command}\`.`,
      before.state === 'needs-login' ? EXIT.personMustAct : EXIT.failed,
    )
  }
  const { askedToWaitUntil } = keeper
  if (askedToWaitUntil !== null && askedToWaitUntil > Date.now()) {
    const at = localTime(askedToWaitUntil)
    return finish(null, `the token endpoint asked to wait until ${at}.`, EXIT.unavailable)
  }
  const outcome = await keeper.refreshNow()
  if (outcome !== null && SUCCESSES.has(outcome)) return finish(outcome, null, EXIT.ok)
  const { state } = keeper.snapshot()
  // A token that still works does not make a failed refresh a success.
  const code = exitCodeOf(state)
  const failed = keeper.message
  return finish(
    outcome,
    failed,
    code === EXIT.ok ? (keeper.isEnded ? EXIT.personMustAct : EXIT.unavailable) : code,
  )
}
