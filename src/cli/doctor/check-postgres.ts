import type { PostgresState } from '../../storage/postgres/migrations/examine.ts'
import { ConfigurationError, messageOf } from '../../support/errors.ts'
import { createLog } from '../../support/log.ts'
import type { Secret } from '../../support/secret.ts'
import { error, misconfigured, ok, type Finding } from './finding.ts'

const MEGABYTE = 1024 * 1024

/** The database that several gateways may share: reachable, usable, and of a version that this program knows. */
export async function checkPostgres(url: Secret): Promise<readonly Finding[]> {
  try {
    const { examinePostgres } = await import('../../storage/postgres/migrations/examine.ts')
    return judgePostgres(await examinePostgres(url, await createLog({ level: 'silent' })))
  } catch (cause) {
    if (cause instanceof ConfigurationError)
      return [misconfigured('database.reach', `${cause.message}`, null)]
    return [error('database.reach', `${messageOf(cause)}.`, null)]
  }
}

export function judgePostgres(state: PostgresState): readonly Finding[] {
  const findings: Finding[] = []
  if (state.readOnly) {
    findings.push(
      error(
        'database.read-only',
        'PostgreSQL takes no writes here: the database is set read-only, or this is a standby.',
        null,
      ),
    )
  }
  if (state.forbidden.length > 0 || (state.missing.length > 0 && !state.mayCreate)) {
    const what =
      state.forbidden.length > 0
        ? `may not read and write hermes.${state.forbidden[0]}`
        : 'may not make the schema hermes'
    findings.push(
      misconfigured(
        'database.permission',
        `The database's user ${what}: make it the owner of the database.`,
        null,
      ),
    )
  }
  const size = `PostgreSQL ${state.serverVersion}, ${Math.ceil(state.databaseBytes / MEGABYTE)} MB`
  const next = state.missing.length > 0 ? `; the next start brings it up to ${state.missing.at(-1)}` : ''
  const ahead =
    state.unknown.length > 0 ? `; a newer hermes has brought it up to ${state.unknown.at(-1)}` : ''
  if (findings.length === 0) findings.push(ok('database', `${size}: it can be used${next}${ahead}`))
  return findings
}
