import { statSync } from 'node:fs'
import { examineDatabase, type DatabaseState } from '../../storage/sqlite/migrations/examine.ts'
import { error, misconfigured, moveAwayCommand, ok, quoteForShell, type Finding } from './finding.ts'

/** Checks that the SQLite database is intact and of a known version. */
export function checkStore(path: string): readonly Finding[] {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (!stats) return [ok('database', 'No database yet; the first start creates it')]
  // Anything but a regular file is reported by the check of files.
  return stats.isFile() ? [databaseFinding(path, examineDatabase(path))] : []
}

export function databaseFinding(path: string, state: DatabaseState): Finding {
  const { version, knownVersion, foreign, problems } = state
  if (problems.length > 0) {
    return error(
      'database.integrity',
      `${path} is damaged: ${problems.join('; ')}.`,
      `sqlite3 ${quoteForShell(path)} .recover | sqlite3 ${quoteForShell(`${path}.recovered`)}`,
    )
  }
  if (foreign) {
    return misconfigured('database.foreign', `${path} is another program's database.`, moveAwayCommand(path))
  }
  if (version !== null && version > knownVersion) {
    return misconfigured(
      'database.version',
      `${path} was written by a newer hermes (database version ${version}; this version supports ${knownVersion}).`,
      'npm install -g hermes-gateway@latest',
    )
  }
  const old =
    version !== null && version < knownVersion
      ? `; the next start migrates it from version ${version} to ${knownVersion}`
      : ''
  return ok('database.integrity', `${path} is intact${old}`)
}
