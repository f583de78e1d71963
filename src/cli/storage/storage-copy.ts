import { existsSync, renameSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { readSettings, type Settings } from '../../config/settings.ts'
import { OwnStore } from '../../credentials/own/own-store.ts'
import { TokenEndpoint } from '../../oauth/token-endpoint.ts'
import type { CopyProgress } from '../../storage/copy/copy.ts'
import { SECOND, systemClock } from '../../support/clock.ts'
import { ConfigurationError } from '../../support/errors.ts'
import { machineId } from '../../support/machine.ts'
import { EXIT, type ExitCode, type GlobalOptions } from '../command.ts'
import { acquireHome } from '../home-lock.ts'
import { plural, print, printError } from '../terminal/output.ts'
import { storageAddress } from './storage-address.ts'
import { migratePostgres } from './storage-migrate.ts'

/** Suffix of the SQLite file after the copy: nothing opens a file of that name. */
const COPIED = '.copied'
const REPORT_EVERY_MS = 2 * SECOND

/**
 * Moves a home from SQLite to the PostgreSQL database of its `storage.url`: copies and compares the
 * messages, moves the sign-in and renames the SQLite file, so that nothing is answered or refreshed
 * twice. Can be run again after any interruption.
 */
export async function storageCopyCommand(options: GlobalOptions): Promise<ExitCode> {
  const settings = await readSettings({ home: options.home, processEnv: process.env, lenient: true })
  const { paths, config } = settings
  if (config.storage.kind !== 'postgres')
    throw new ConfigurationError(
      'storage.url is sqlite: first set it to the new database (postgres://user@host/database).',
    )
  const lock = await acquireHome(paths.home)
  if (!lock) {
    printError(
      `a gateway is running for ${paths.home}. Stop it first: messages that arrive now would not be copied.`,
    )
    return EXIT.failed
  }
  try {
    await migratePostgres(settings)
    await copyMessages(settings)
    await moveSignIns(settings)
    return EXIT.ok
  } finally {
    lock.release()
  }
}

async function copyMessages(settings: Settings): Promise<void> {
  const { database: path } = settings.paths
  if (!existsSync(path)) {
    print(`No messages to copy: ${path} does not exist, or was copied before.`)
    return
  }
  const [{ copyStorage }, { CopySource }, { withDatabase }] = await Promise.all([
    import('../../storage/copy/copy.ts'),
    import('../../storage/copy/source.ts'),
    import('./database.ts'),
  ])
  const result = await withDatabase(settings, async (target) => {
    using source = new CopySource(path)
    return await copyStorage({ source, target, onProgress: progressPrinter() })
  })
  markAsCopied(path)
  if (result.already) print(`${path} was already copied.`)
  else {
    const messages = result.rows['messages'] ?? 0
    const conversations = result.rows['conversations'] ?? 0
    print(
      `Copied ${plural(messages, 'message')} in ${plural(conversations, 'conversation')} to ${storageAddress(settings)}; every row was compared.`,
    )
  }
  print(`The old database was renamed to ${path}${COPIED}; delete it when you no longer need it.`)
}

/** Prints progress every few seconds. */
function progressPrinter(): (progress: CopyProgress) => void {
  let lastReport = performance.now()
  return ({ table, phase, rows }) => {
    if (performance.now() - lastReport < REPORT_EVERY_MS) return
    lastReport = performance.now()
    process.stderr.write(`${phase} ${rows} rows of ${table}\n`)
  }
}

function markAsCopied(path: string): void {
  // Merge the write-ahead log first, so that the file alone is the whole database.
  const db = new DatabaseSync(path)
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  db.close()
  renameSync(path, path + COPIED)
  for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true })
}

async function moveSignIns(settings: Settings): Promise<void> {
  const { paths, config, environment } = settings
  const { storage } = config
  if (storage.kind !== 'postgres' || !existsSync(paths.credentials)) return
  const [{ openSharedPlace }, { moveSignIn }, { createLog }] = await Promise.all([
    import('../../storage/postgres/credential/shared-place.ts'),
    import('../../storage/postgres/credential/shared-sign-ins.ts'),
    import('../../support/log.ts'),
  ])
  const endpoint = new TokenEndpoint(config.auth.oauth, { clock: systemClock })
  const parts = { endpoint, clock: systemClock, onWarning: printError }
  const file = new OwnStore({ path: paths.credentials, machineId: machineId(paths.home), ...parts })
  const keys = { variable: environment.secretKey, file: storage.secretKeyFile }
  const log = await createLog({ level: 'error' })
  const place = await openSharedPlace({ url: storage.url, keys, log }, parts)
  try {
    const moved = await moveSignIn(file, place.signIns)
    if (moved) print('Moved the sign-in: this home no longer keeps a token.')
  } finally {
    await place.close()
  }
}
