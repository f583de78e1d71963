import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { readSettings, type Settings } from '../../config/settings.ts'
import { OwnStore } from '../../credentials/own/own-store.ts'
import { TokenEndpoint } from '../../oauth/token-endpoint.ts'
import type { CopyProgress } from '../../storage/copy/copy.ts'
import { SECOND, systemClock } from '../../support/clock.ts'
import { ConfigurationError } from '../../support/errors.ts'
import { acquireFileLock } from '../../support/file-lock.ts'
import { machineId } from '../../support/machine.ts'
import { EXIT, type ExitCode, type GlobalOptions } from '../command.ts'
import { print, printError } from '../terminal/output.ts'
import { migratePostgres } from './migrate.ts'
import { placeOf } from './place.ts'

/** What the home's database is called once its messages live elsewhere: nothing opens it by that name. */
const COPIED = '.copied'
const TELL_EVERY_MS = 2 * SECOND

/**
 * Moves a home from SQLite to the PostgreSQL of its `storage.url`: the messages are copied and
 * compared, the sign-in is moved, and the SQLite file is put aside, so that nothing is answered or
 * refreshed twice. Can be run again after any interruption.
 */
export async function storageCopyCommand(options: GlobalOptions): Promise<ExitCode> {
  const settings = await readSettings({ home: options.home, processEnv: process.env, lenient: true })
  const { paths, config } = settings
  if (config.storage.kind !== 'postgres')
    throw new ConfigurationError(
      'storage.url is sqlite: first set it to where the messages are to go (postgres://user@host/database).',
    )
  const lock = await acquireFileLock(join(paths.home, 'gateway.lock'))
  if (!lock) {
    printError(`a gateway runs on ${paths.home}. Stop it first: what it takes in now would be left behind.`)
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
    print(`${path} does not exist, or was copied before: there are no messages to copy.`)
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
  putAside(path)
  if (result.already) print(`${path} had been copied before.`)
  else {
    const messages = result.rows['messages'] ?? 0
    const conversations = result.rows['conversations'] ?? 0
    print(
      `${messages} messages of ${conversations} conversations are in ${placeOf(settings)}; every row was compared.`,
    )
  }
  print(`The former database is ${path}${COPIED}; remove it when you no longer want it.`)
}

/** Long copies say how far they are, and short ones do not. */
function progressPrinter(): (progress: CopyProgress) => void {
  let told = performance.now()
  return ({ table, phase, rows }) => {
    if (performance.now() - told < TELL_EVERY_MS) return
    told = performance.now()
    process.stderr.write(`${phase} ${rows} rows of ${table}\n`)
  }
}

function putAside(path: string): void {
  // Its log is merged first: the file alone is the whole database then.
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
    import('../../storage/postgres/credential/place.ts'),
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
    if (moved) print('The sign-in was moved, too: this home keeps no token of its own any more.')
  } finally {
    await place.close()
  }
}
