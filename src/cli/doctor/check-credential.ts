import { homedir } from 'node:os'
import { join } from 'node:path'
import { credentialProbe } from '../../anthropic/credential-probe.ts'
import { profileAccess } from '../../anthropic/profile.ts'
import type { Settings } from '../../config/settings.ts'
import { assembleCredentials, type CredentialParts } from '../../credentials/assemble.ts'
import { suggestedCommand, type AuthStatus } from '../../credentials/keeper/status.ts'
import type { SourceReport } from '../../credentials/sources/decision.ts'
import { placeOfSignIns } from '../../storage/own-place.ts'
import { DAY, SECOND, systemClock } from '../../support/clock.ts'
import { ConfigurationError, messageOf } from '../../support/errors.ts'
import { redact } from '../../support/redact.ts'
import { inspectSecretFile } from '../../support/secret-file.ts'
import { duration } from '../terminal/output.ts'
import { error, misconfigured, needsLogin, ok, warning, word, type Finding } from './finding.ts'

export interface CheckedCredential {
  readonly findings: readonly Finding[]
  /** null: it could not be looked at. */
  readonly status: AuthStatus | null
}

/** As far ahead as the first alert of a sign-in's end. */
const SOON_MS = 7 * DAY
const LOGIN = 'hermes auth login --headless'

/** The credential as a gateway would see it, from what is stored; no request. */
export async function checkCredential(
  settings: Settings,
  processEnv: Readonly<NodeJS.ProcessEnv>,
): Promise<CheckedCredential> {
  const { paths, environment } = settings
  const claudeCode = join(
    environment.claudeConfigDir ?? join(processEnv['HOME'] || homedir(), '.claude'),
    '.credentials.json',
  )
  // Reading a file that others may read would mend its mode, and this changes nothing.
  const open = [paths.credentials, claudeCode].filter(isOpen)
  if (open.length > 0) {
    const findings = open.map((path) =>
      warning('credential', `${path} is not looked at until its mode is mended.`, `chmod 600 ${word(path)}`),
    )
    return { findings, status: null }
  }
  let parts: CredentialParts
  try {
    parts = await openCredentials(settings, processEnv)
  } catch (failure) {
    return { findings: [cannotOpen(failure)], status: null }
  }
  const { keeper } = parts
  await keeper.load().finally(() => parts.close())
  const status = keeper.snapshot()
  const reports = keeper.decision?.reports ?? []
  return { findings: judgeCredential(status, keeper.message, reports, Date.now()), status }
}

function openCredentials(
  settings: Settings,
  processEnv: Readonly<NodeJS.ProcessEnv>,
): Promise<CredentialParts> {
  const { config } = settings
  const provider = {
    baseUrl: config.model.baseUrl,
    userAgent: config.auth.oauth.userAgent,
    headers: {},
    clock: systemClock,
  }
  return assembleCredentials({
    settings,
    processEnv,
    // As the gateway has it: what it will do by itself is a part of the state.
    probe: credentialProbe(provider),
    openPlace: placeOfSignIns(settings),
    profile: profileAccess({ ...provider, profile: processEnv['ANTHROPIC_PROFILE'] ?? null }),
  })
}

/** The database of the sign-in, or its key. */
function cannotOpen(failure: unknown): Finding {
  const said = redact(messageOf(failure))
  return failure instanceof ConfigurationError
    ? misconfigured('credential', said, 'openssl rand -base64 32')
    : error('credential', said, 'hermes storage status')
}

function isOpen(path: string): boolean {
  const state = inspectSecretFile(path, { lookOnly: true })
  return state.kind === 'fine' && state.warning !== null
}

/** What the state of the credential means for the operator. Pure. */
export function judgeCredential(
  status: AuthStatus,
  message: string | null,
  reports: readonly SourceReport[],
  now: number,
): readonly Finding[] {
  return [judgeState(status, message), ...judgeSignInEnd(status, now), ...judgeSources(reports, status)]
}

function judgeState(status: AuthStatus, message: string | null): Finding {
  const { state, reason, source, kind, fingerprint, secondsLeft } = status
  const left = secondsLeft === null ? '' : `, for another ${duration(secondsLeft * SECOND)}`
  const what = `${kind ?? 'credential'} from ${source ?? 'nowhere'}${fingerprint ? ` (${fingerprint})` : ''}`
  const said = `The credential is ${state}${reason ? ` (${reason})` : ''}${message ? `: ${message}` : ''}.`
  const mend = mendOf(status)
  switch (state) {
    case 'healthy':
    case 'refreshing':
      return ok('credential', `${what} is in use${left}`)
    case 'at-risk':
      return warning('credential', said, mend)
    case 'degraded':
      return error('credential', said, mend)
    case 'needs-login':
    case 'not-permitted':
      return needsLogin('credential', said, mend)
    case 'misconfigured':
      return misconfigured('credential', said, mend)
  }
}

function mendOf({ state, reason }: AuthStatus): string {
  if (reason === 'other-machine') return 'hermes auth status --adopt'
  const command = suggestedCommand(state, reason)
  // Where this very check is the advice elsewhere, the sources say more.
  return command === 'hermes doctor' ? 'hermes auth sources' : command
}

function judgeSignInEnd({ state, loginExpiresAt, loginExpiryEstimated }: AuthStatus, now: number): Finding[] {
  if (loginExpiresAt === null || state === 'needs-login') return []
  const left = Date.parse(loginExpiresAt) - now
  const date = `${loginExpiresAt.slice(0, 10)}${loginExpiryEstimated ? ' (estimated)' : ''}`
  if (left <= 0)
    return [warning('sign-in.end', `The sign-in ended on ${date}; it cannot be renewed any more.`, LOGIN)]
  if (left <= SOON_MS)
    return [warning('sign-in.end', `The sign-in ends in ${duration(left)}, on ${date}.`, LOGIN)]
  return [ok('sign-in.end', `The sign-in lasts until ${date}`)]
}

/** Sources that hold something that cannot be used, while another one is. */
function judgeSources(reports: readonly SourceReport[], { state }: AuthStatus): Finding[] {
  if (state === 'misconfigured') return []
  return reports
    .filter((report) => report.found && !report.inUse && report.fingerprint === null && !report.renewable)
    .filter((report) => report.source !== 'refresh-command' && report.source !== 'environment')
    .map((report) => warning('credential.source', `${report.place} ${report.reason}.`, 'hermes auth sources'))
}
