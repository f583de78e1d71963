import type { CredentialParts } from '../../credentials/assemble.ts'
import { exitCodeOf, suggestedCommand, type AuthStatus } from '../../credentials/keeper/status.ts'
import { SECOND } from '../../support/clock.ts'
import { StoreError } from '../../support/errors.ts'
import { EXIT, type ExitCode, type GlobalOptions } from '../command.ts'
import { duration, localTime, paint, print, printError, printJson, table } from '../terminal/output.ts'
import { withCredentials } from './auth-parts.ts'
import { credentialStatus } from './credential-status.ts'

export interface AuthStatusOptions extends GlobalOptions {
  readonly json: boolean
  readonly adopt: boolean
}

/** Prints the state of the credential; the exit code says who must act. */
export function authStatusCommand(options: AuthStatusOptions): Promise<ExitCode> {
  return withCredentials(options, (parts) => authStatus(options, parts))
}

async function authStatus(options: AuthStatusOptions, parts: CredentialParts): Promise<ExitCode> {
  if (options.adopt) {
    try {
      const adopted = await parts.own.adopt()
      const message = adopted
        ? 'The sign-in in this home now belongs to this machine. Make sure that no other copy is in use.'
        : 'The sign-in in this home already belongs to this machine, or there is none.'
      if (options.json) printError(message)
      else print(`${message}\n`)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      printError(error.message)
      return EXIT.failed
    }
    await parts.keeper.load()
  }
  const { status, message } = await credentialStatus(parts)
  if (options.json) printJson(status)
  else printStatus(status, message)
  return exitCodeOf(status.state)
}

/** Prints the status for a person. */
export function printStatus(status: AuthStatus, message: string | null): void {
  const now = Date.now()
  const rows: string[][] = [
    ['State', `${colouredState(status)}${status.reason ? ` (${status.reason})` : ''}`],
  ]
  if (status.source !== null) {
    rows.push(['Source', status.source])
    rows.push([
      'Kind',
      `${status.kind}${status.kind === 'api-key' ? '' : status.renewable ? ', renewable' : ', cannot be renewed'}`,
    ])
  }
  if (status.fingerprint !== null) rows.push(['Fingerprint', status.fingerprint])
  if (status.expiresAt !== null) {
    const left = status.secondsLeft ? `in ${duration(status.secondsLeft * SECOND)}` : 'expired'
    rows.push(['Token expires', `${localTime(status.expiresAt)} (${left})`])
  }
  if (status.loginExpiresAt !== null) {
    const estimated = status.loginExpiryEstimated ? ', estimated' : ''
    const left = Date.parse(status.loginExpiresAt) - now
    rows.push([
      'Sign-in expires',
      `${localTime(status.loginExpiresAt)} (${left > 0 ? `in ${duration(left)}` : 'expired'}${estimated})`,
    ])
  }
  if (status.lastRefresh !== null) {
    rows.push(['Last refresh', `${localTime(status.lastRefresh.at)}: ${status.lastRefresh.outcome}`])
  }
  if (status.nextAttemptAt !== null) rows.push(['Next attempt', localTime(status.nextAttemptAt)])
  if (status.consecutive401 > 0) rows.push(['Rejections', `${status.consecutive401} in a row`])
  print(table(rows))
  if (message !== null)
    print(`\n${message[0]!.toUpperCase()}${message.slice(1)}${message.endsWith('.') ? '' : '.'}`)
  if (status.state === 'healthy' || status.state === 'refreshing') return
  const command = suggestedCommand(status)
  if (!message?.includes(command)) print(`${message === null ? '\n' : ''}Run \`${command}\`.`)
}

function colouredState({ state }: AuthStatus): string {
  if (state === 'healthy' || state === 'refreshing') return paint('green', state)
  return paint(state === 'at-risk' || state === 'degraded' ? 'yellow' : 'red', state)
}
