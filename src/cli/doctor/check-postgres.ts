import type { Transport } from '../../storage/postgres/connection/transport.ts'
import type { PostgresState } from '../../storage/postgres/migrations/examine.ts'
import { ConfigurationError, messageOf } from '../../support/errors.ts'
import { createLog } from '../../support/log.ts'
import type { Secret } from '../../support/secret.ts'
import { fileSize } from '../terminal/output.ts'
import { error, misconfigured, ok, warning, type Finding } from './finding.ts'

/** Checks that the PostgreSQL database is reachable, writable and of a known version. */
export async function checkPostgres(url: Secret): Promise<readonly Finding[]> {
  try {
    const { examinePostgres } = await import('../../storage/postgres/migrations/examine.ts')
    const { transportOf } = await import('../../storage/postgres/connection/transport.ts')
    const findings = postgresFindings(await examinePostgres(url, await createLog({ level: 'silent' })))
    return [...findings, ...transportFindings(transportOf(url))]
  } catch (cause) {
    if (cause instanceof ConfigurationError)
      return [misconfigured('database.reach', `${cause.message}`, null)]
    return [error('database.reach', `${messageOf(cause)}.`, null)]
  }
}

function transportFindings({ kind, host }: Transport): readonly Finding[] {
  if (kind !== 'clear') return []
  const message = `Messages travel to ${host} unencrypted (storage.url says sslmode=disable).`
  return [warning('database.transport', message, null)]
}

export function postgresFindings(state: PostgresState): readonly Finding[] {
  const findings: Finding[] = []
  if (state.readOnly) {
    findings.push(
      error(
        'database.read-only',
        'PostgreSQL rejects writes: the database is read-only, or this is a standby.',
        null,
      ),
    )
  }
  if (state.forbidden.length > 0 || (state.missing.length > 0 && !state.mayCreate)) {
    const what =
      state.forbidden.length > 0
        ? `may not read and write hermes.${state.forbidden[0]}`
        : 'may not create the schema hermes'
    findings.push(
      misconfigured(
        'database.permission',
        `The database's user ${what}: make it the owner of the database.`,
        null,
      ),
    )
  }
  const database = `PostgreSQL ${state.serverVersion}, ${fileSize(state.databaseBytes)}`
  const next = state.missing.length > 0 ? `; the next start migrates it to ${state.missing.at(-1)}` : ''
  const ahead = state.unknown.length > 0 ? `; a newer hermes migrated it to ${state.unknown.at(-1)}` : ''
  if (findings.length === 0) findings.push(ok('database', `${database}: ready${next}${ahead}`))
  return findings
}
