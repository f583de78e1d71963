import { readSettings, type Settings } from '../../config/settings.ts'
import { EXIT, type ExitCode, type GlobalOptions } from '../command.ts'
import { withExistingStorage } from '../context.ts'
import { print } from '../terminal/output.ts'
import { placeOf } from './place.ts'

/** Brings the database to this program's version, as the next start of a gateway would. */
export async function storageMigrateCommand(options: GlobalOptions): Promise<ExitCode> {
  const settings = await readSettings({ home: options.home, processEnv: process.env, lenient: true })
  const { storage } = settings.config
  const place = placeOf(settings)
  if (storage.kind === 'sqlite') {
    const opened = await withExistingStorage(options, async ({ migrationBackup }) => migrationBackup)
    if (!opened) print(`${place} does not exist yet: the first start makes it.`)
    else if (opened.result) print(`${place} was migrated; the former one is ${opened.result}.`)
    else print(`${place} is up to date.`)
    return EXIT.ok
  }
  const steps = await migratePostgres(settings)
  print(steps.length > 0 ? `${place}: ${steps.join(', ')}.` : `${place} is up to date.`)
  return EXIT.ok
}

/** The queue's own tables included. @returns the steps that were taken */
export async function migratePostgres({ config }: Settings): Promise<readonly string[]> {
  const { storage } = config
  if (storage.kind !== 'postgres') return []
  const [{ migrate }, { prepareQueue }] = await Promise.all([
    import('../../storage/postgres/migrations/migrate.ts'),
    import('../../storage/postgres/fleet/queue.ts'),
  ])
  return migrate({ url: storage.url, also: prepareQueue })
}
