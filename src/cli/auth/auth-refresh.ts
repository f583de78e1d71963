import type { Keeper } from '../../credentials/keeper/keeper.ts'
import { exitCodeOf, suggestedCommand } from '../../credentials/keeper/status.ts'
import { EXIT, type ExitCode, type GlobalOptions } from '../command.ts'
import { print, printError, printJson } from '../terminal/output.ts'
import { withCredentials } from './auth-parts.ts'
import { printStatus } from './auth-status.ts'

interface RefreshCommandOptions extends GlobalOptions {
  readonly json: boolean
}

/** Outcomes after which a new or somebody else's newer token is in use. */
const SUCCESSES: ReadonlySet<string> = new Set(['renewed', 'adopted', 'unsaved'])

/**
 * One refresh now, under the locks that a running gateway takes as well; it adopts the
 * result. Not where the grant is proven dead, and not before the endpoint's own time.
 */
export function authRefreshCommand(options: RefreshCommandOptions): Promise<ExitCode> {
  return withCredentials(options, ({ keeper }) => refresh(options, keeper))
}

async function refresh(options: RefreshCommandOptions, keeper: Keeper): Promise<ExitCode> {
  const before = keeper.snapshot()
  const give = (outcome: string | null, message: string | null, code: ExitCode): ExitCode => {
    const status = keeper.snapshot()
    if (options.json) printJson({ outcome, message, status })
    else {
      if (outcome !== null && SUCCESSES.has(outcome)) print(`The token was refreshed (${outcome}).\n`)
      else printError(message ?? `the refresh failed (${outcome}).`)
      printStatus(status, keeper.message)
    }
    return code
  }
  if (!before.renewable || before.state === 'needs-login') {
    const command = suggestedCommand(before.state, before.reason)
    const message = keeper.message ?? 'this credential cannot be renewed'
    return give(
      null,
      `nothing to refresh: ${message}. Run \`${command}\`.`,
      before.state === 'needs-login' ? EXIT.personMustAct : EXIT.failed,
    )
  }
  const { askedToWaitUntil } = keeper
  if (askedToWaitUntil !== null && askedToWaitUntil > Date.now()) {
    const at = new Date(askedToWaitUntil).toISOString()
    return give(null, `the token endpoint asked for patience until ${at}.`, EXIT.unavailable)
  }
  const outcome = await keeper.refreshNow()
  if (outcome !== null && SUCCESSES.has(outcome)) return give(outcome, null, EXIT.ok)
  const { state } = keeper.snapshot()
  // A token that still works does not make a failed refresh a success.
  const code = exitCodeOf(state)
  const failed = keeper.message
  return give(
    outcome,
    failed,
    code === EXIT.ok ? (keeper.isEnded ? EXIT.personMustAct : EXIT.unavailable) : code,
  )
}
