import { GROUP, jsonOption, withExamples, withExitCodes, type Wiring } from '../command.ts'

/** Commands for the database. */
export function addStorage({ program, home, finish }: Wiring): void {
  const storage = program
    .command('storage')
    .helpGroup(GROUP.people)
    .summary('show, migrate or move the database')
  withExamples(storage, [
    ['hermes storage', 'show the database, its size and the gateways using it'],
    ['hermes storage migrate', 'migrate it now instead of at the next start'],
    ['hermes storage copy', 'move this home from SQLite to the PostgreSQL database of storage.url'],
  ])
  storage
    .command('status', { isDefault: true })
    .summary('show the database, its size and the gateways using it')
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { storageStatusCommand } = await import('../storage/storage-status.ts')
      finish(await storageStatusCommand({ ...home(), json: options.json ?? false }))
    })
  storage
    .command('migrate')
    .summary("migrate the database to this program's version")
    .action(async () => {
      const { storageMigrateCommand } = await import('../storage/storage-migrate.ts')
      finish(await storageMigrateCommand(home()))
    })
  const copy = storage
    .command('copy')
    .summary('move this home from SQLite to the PostgreSQL database of storage.url')
    .description(
      'Copies all stored data, waiting messages included, and compares every row; moves the sign-in; renames ' +
        'the SQLite file. Stop the gateway first. If interrupted, run it again.',
    )
    .action(async () => {
      const { storageCopyCommand } = await import('../storage/storage-copy.ts')
      finish(await storageCopyCommand(home()))
    })
  withExitCodes(copy, [
    [0, 'everything was moved'],
    [1, 'not finished: run it again'],
    [78, 'the database cannot be used, or storage.url is not set'],
  ])
}
