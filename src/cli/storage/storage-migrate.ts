import { readSettings, type Settings } from '../../config/settings.ts'
import { EXIT, type ExitCode, type GlobalOptions } from '../command.ts'
import { withExistingStorage } from '../context.ts'
import { print } from '../terminal/output.ts'
import { storageAddress } from './storage-address.ts'

/** Migrates the database to this program's version, as the next start of a gateway would. */
export async function storageMigrateCommand(options: GlobalOptions): Promise<ExitCode> {
  const settings = await readSettings({ home: options.home, processEnv: process.env, lenient: true })
  const { storage } = settings.config
  const address = storageAddress(settings)
  if (storage.kind === 'sqlite') {
    const opened = await withExistingStorage(options, async ({ migrationBackup }) => migrationBackup)
    if (!opened) print(`${address} does not exist yet; the first start creates it.`)
    else if (opened.result) print(`Migrated ${address}; the backup of the old version is ${opened.result}.`)
    else print(`${address} is up to date.`)
    return EXIT.ok
  }
  const steps = await migratePostgres(settings)
  print(steps.length > 0 ? `Migrated ${address}: ${steps.join(', ')}.` : `${address} is up to date.`)
  return EXIT.ok
}

/** Migrates our tables and those of the queue. @returns the steps that ran */
export async function migratePostgres({ config }: Settings): Promise<readonly string[]> {
  const { storage } = config
  if (storage.kind !== 'postgres') return []
  const [{ migrate }, { prepareQueue }] = await Promise.all([
    import('../../storage/postgres/migrations/migrate.ts'),
    import('../../storage/postgres/fleet/wake-up-queue.ts'),
  ])
  return migrate({ url: storage.url, also: prepareQueue })
}
