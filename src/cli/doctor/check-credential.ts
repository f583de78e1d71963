import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Settings } from '../../config/settings.ts'
import type { CredentialParts } from '../../credentials/assemble.ts'
import { REMEDY_COMMANDS, remedyOf } from '../../credentials/credential-words.ts'
import { suggestedCommand, type AuthStatus } from '../../credentials/keeper/status.ts'
import type { SourceReport } from '../../credentials/sources/decision.ts'
import { DAY, SECOND } from '../../support/clock.ts'
import { ConfigurationError, messageOf } from '../../support/errors.ts'
import { inspectSecretFile } from '../../support/files/secret-file.ts'
import { redact } from '../../support/text/redact.ts'
import { credentialsOf } from '../auth/auth-parts.ts'
import { credentialStatus } from '../auth/credential-status.ts'
import { duration } from '../terminal/output.ts'
import { error, misconfigured, needsLogin, ok, warning, quoteForShell, type Finding } from './finding.ts'

export interface CheckedCredential {
  readonly findings: readonly Finding[]
  /** null: it could not be read. */
  readonly status: AuthStatus | null
  /** Where it is presented, if not at `model.base_url`. */
  readonly baseUrl: string | null
}

/** The same lead time as the first alert about an expiring sign-in. */
const SOON_MS = 7 * DAY

/** Checks the credential as the running gateway has it, or from stored data. Makes no request to the provider. */
export async function checkCredential(
  settings: Settings,
  processEnv: Readonly<NodeJS.ProcessEnv>,
): Promise<CheckedCredential> {
  const { paths, environment } = settings
  const claudeCode = join(
    environment.claudeConfigDir ?? join(processEnv['HOME'] || homedir(), '.claude'),
    '.credentials.json',
  )
  // Loading a file with open permissions would fix its mode, and this command changes nothing.
  const open = [paths.credentials, claudeCode].filter(isOpen)
  if (open.length > 0) {
    const findings = open.map((path) =>
      warning(
        'credential',
        `${path} was not checked: fix its permissions first.`,
        `chmod 600 ${quoteForShell(path)}`,
      ),
    )
    return { findings, status: null, baseUrl: null }
  }
  let parts: CredentialParts
  try {
    parts = await credentialsOf(settings, processEnv)
  } catch (failure) {
    return { findings: [cannotOpen(failure)], status: null, baseUrl: null }
  }
  const { keeper } = parts
  await keeper.load().finally(() => parts.close())
  const { status, message } = await credentialStatus(parts)
  const { reports = [], inUse } = keeper.decision ?? {}
  const findings = credentialFindings(status, message, reports, Date.now())
  return { findings, status, baseUrl: inUse?.baseUrl ?? null }
}

/** The database of the sign-in, or its key. */
function cannotOpen(failure: unknown): Finding {
  const message = redact(messageOf(failure))
  return failure instanceof ConfigurationError
    ? misconfigured('credential', message, 'openssl rand -base64 32')
    : error('credential', message, 'hermes storage status')
}

function isOpen(path: string): boolean {
  const state = inspectSecretFile(path, { lookOnly: true })
  return state.kind === 'fine' && state.warning !== null
}

/** Turns the state of the credential into findings. Pure. */
export function credentialFindings(
  status: AuthStatus,
  message: string | null,
  reports: readonly SourceReport[],
  now: number,
): readonly Finding[] {
  return [
    stateFinding(status, message),
    ...signInEndFindings(status, now),
    ...sourceFindings(reports, status),
  ]
}

function stateFinding(status: AuthStatus, message: string | null): Finding {
  const { state, reason, source, kind, fingerprint, secondsLeft } = status
  const left = secondsLeft === null ? '' : `, valid for ${duration(secondsLeft * SECOND)}`
  const credential = `${kind ?? 'credential'} from ${source ?? 'nowhere'}${fingerprint ? ` (${fingerprint})` : ''}`
  const problem = `The credential is ${state}${reason ? ` (${reason})` : ''}${message ? `: ${message}` : ''}.`
  const fix = fixFor(status)
  switch (state) {
    case 'healthy':
    case 'refreshing':
      return ok('credential', `Using ${credential}${left}`)
    case 'at-risk':
      return warning('credential', problem, fix)
    case 'degraded':
      return error('credential', problem, fix)
    case 'needs-login':
    case 'not-permitted':
      return needsLogin('credential', problem, fix)
    case 'misconfigured':
      return misconfigured('credential', problem, fix)
  }
}

function fixFor(status: AuthStatus): string {
  if (status.reason === 'other-machine') return 'hermes auth status --adopt'
  const command = suggestedCommand(status)
  // Do not send the operator back to this command.
  return command === 'hermes doctor' ? 'hermes auth sources' : command
}

function signInEndFindings(
  { state, loginExpiresAt, loginExpiryEstimated, kind, source }: AuthStatus,
  now: number,
): Finding[] {
  const login = REMEDY_COMMANDS[remedyOf({ kind, source })]
  if (loginExpiresAt === null || state === 'needs-login') return []
  const left = Date.parse(loginExpiresAt) - now
  const date = `${loginExpiresAt.slice(0, 10)}${loginExpiryEstimated ? ' (estimated)' : ''}`
  if (left <= 0)
    return [warning('sign-in.end', `The sign-in expired on ${date} and can no longer be refreshed.`, login)]
  if (left <= SOON_MS)
    return [warning('sign-in.end', `The sign-in expires in ${duration(left)}, on ${date}.`, login)]
  return [ok('sign-in.end', `The sign-in is valid until ${date}`)]
}

/** Unused sources with a credential that cannot be used. */
function sourceFindings(reports: readonly SourceReport[], { state }: AuthStatus): Finding[] {
  if (state === 'misconfigured') return []
  return reports
    .filter((report) => report.found && !report.inUse && report.fingerprint === null && !report.renewable)
    .filter((report) => report.source !== 'refresh-command' && report.source !== 'environment')
    .map((report) => warning('credential.source', `${report.place} ${report.reason}.`, 'hermes auth sources'))
}
