import { statSync } from 'node:fs'
import { examineDatabase, type DatabaseState } from '../../storage/sqlite/migrations/examine.ts'
import { misconfigured, error, ok, word, type Finding } from './finding.ts'

/** The database: whole, and of a version that this program knows. */
export function checkStore(path: string): readonly Finding[] {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (!stats) return [ok('database', 'There is no database yet; the first start makes it')]
  // Anything but a file is reported with the other files.
  return stats.isFile() ? [judgeDatabase(path, examineDatabase(path))] : []
}

export function judgeDatabase(path: string, state: DatabaseState): Finding {
  const { version, knownVersion, problems } = state
  if (problems.length > 0) {
    return error(
      'database.integrity',
      `${path} is damaged: ${problems.join('; ')}.`,
      `sqlite3 ${word(path)} .recover | sqlite3 ${word(`${path}.recovered`)}`,
    )
  }
  if (version !== null && version > knownVersion) {
    return misconfigured(
      'database.version',
      `${path} was written by a newer hermes (version ${version}, this one knows ${knownVersion}).`,
      'npm install -g hermes-gateway@latest',
    )
  }
  const old =
    version !== null && version < knownVersion
      ? `; the next start brings it from version ${version} to ${knownVersion}`
      : ''
  return ok('database.integrity', `${path} is whole${old}`)
}
