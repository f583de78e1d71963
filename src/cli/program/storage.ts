import { GROUP, jsonOption, withExamples, withExitCodes, type Wiring } from '../command.ts'

/** Where messages are kept. */
export function addStorage({ program, home, finish }: Wiring): void {
  const storage = program.command('storage').helpGroup(GROUP.people).summary('where messages are kept')
  withExamples(storage, [
    ['hermes storage', 'which database, how large, which gateways work on it'],
    ['hermes storage migrate', 'bring it to this version before the next start does'],
    ['hermes storage copy', 'move this home from SQLite to the PostgreSQL of storage.url'],
  ])
  storage
    .command('status', { isDefault: true })
    .summary('which database, how large, which gateways work on it')
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { storageStatusCommand } = await import('../storage/status.ts')
      finish(await storageStatusCommand({ ...home(), json: options.json ?? false }))
    })
  storage
    .command('migrate')
    .summary("bring the database to this program's version")
    .action(async () => {
      const { storageMigrateCommand } = await import('../storage/migrate.ts')
      finish(await storageMigrateCommand(home()))
    })
  const copy = storage
    .command('copy')
    .summary('move this home from SQLite to the PostgreSQL of storage.url')
    .description(
      'Copies everything that the home has stored, what waits included, and compares every row; moves the ' +
        'sign-in; puts the SQLite file aside. Stop the gateway first. Can be run again after any interruption.',
    )
    .action(async () => {
      const { storageCopyCommand } = await import('../storage/copy.ts')
      finish(await storageCopyCommand(home()))
    })
  withExitCodes(copy, [
    [0, 'everything is there'],
    [1, 'not yet: run it again'],
    [78, 'the database will not do, or storage.url is not set'],
  ])
}
