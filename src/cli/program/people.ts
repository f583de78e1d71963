import { GROUP, jsonOption, withExamples, type Wiring } from '../command.ts'

/** Who may talk, and what is kept of them. */
export function addPeople(wiring: Wiring): void {
  addPairing(wiring)
  addData(wiring)
}

function addPairing({ program, home, finish }: Wiring): void {
  const pairing = program.command('pairing').helpGroup(GROUP.people).summary('who may talk')
  withExamples(pairing, [
    ['hermes pairing', 'people who asked, and people who were let in'],
    ['hermes pairing approve telegram ABCD2345', 'let in who was shown this code'],
    ['hermes pairing revoke telegram 12345', 'somebody may not talk any more'],
  ])
  pairing
    .command('list', { isDefault: true })
    .summary('people who asked, and people who were let in')
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { pairingListCommand } = await import('../pairing.ts')
      finish(await pairingListCommand({ ...home(), json: options.json ?? false }))
    })
  pairing
    .command('approve')
    .summary('let in who was given this code')
    .argument('<channel>', 'such as telegram')
    .argument('<code>', 'the code that the person was shown')
    .action(async (channel: string, code: string) => {
      const { pairingApproveCommand } = await import('../pairing.ts')
      finish(await pairingApproveCommand({ ...home(), channel, code }))
    })
  pairing
    .command('revoke')
    .summary('a person may not talk any more')
    .argument('<channel>', 'such as telegram')
    .argument('<user>', "the platform's id of the person")
    .action(async (channel: string, user: string) => {
      const { pairingRevokeCommand } = await import('../pairing.ts')
      finish(await pairingRevokeCommand({ ...home(), channel, user }))
    })
}

function addData({ program, home, finish }: Wiring): void {
  const data = program.command('data').helpGroup(GROUP.people).summary("a person's data")
  withExamples(data, [
    ['hermes data export telegram 12345 > ada.json', 'everything stored of a person'],
    ['hermes data delete telegram 12345', 'remove it, after asking'],
  ])
  data
    .command('export')
    .summary('print everything stored of a person, as JSON')
    .argument('<channel>', 'such as telegram')
    .argument('<user>', "the platform's id of the person")
    .action(async (channel: string, user: string) => {
      const { dataExportCommand } = await import('../data.ts')
      finish(await dataExportCommand({ ...home(), channel, user }))
    })
  data
    .command('delete')
    .summary('remove everything stored of a person')
    .argument('<channel>', 'such as telegram')
    .argument('<user>', "the platform's id of the person")
    .option('--yes', 'do not ask')
    .action(async (channel: string, user: string, options: { yes?: boolean }) => {
      const { dataDeleteCommand } = await import('../data.ts')
      finish(await dataDeleteCommand({ ...home(), channel, user, yes: options.yes ?? false }))
    })
  const backup = program
    .command('backup')
    .helpGroup(GROUP.people)
    .summary('write a consistent copy of the database, without sign-ins')
    .argument('<file>', 'must not exist yet')
    .action(async (file: string) => {
      const { backupCommand } = await import('../data.ts')
      finish(await backupCommand({ ...home(), file }))
    })
  withExamples(backup, [
    ['hermes backup hermes-$(date +%F).db', 'at any time, also beside a running gateway'],
  ])
}
