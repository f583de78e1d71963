import { GROUP, jsonOption, withExamples, type Wiring } from '../command.ts'

/** Commands for access and personal data. */
export function addPeople(wiring: Wiring): void {
  addPairing(wiring)
  addData(wiring)
}

function addPairing({ program, home, finish }: Wiring): void {
  const pairing = program.command('pairing').helpGroup(GROUP.people).summary('manage who may use the bot')
  withExamples(pairing, [
    ['hermes pairing', 'list pending requests and approved people'],
    ['hermes pairing approve telegram ABCD2345', 'approve the person who received this code'],
    ['hermes pairing revoke telegram 12345', 'withdraw approval'],
  ])
  pairing
    .command('list', { isDefault: true })
    .summary('list pending requests and approved people')
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { pairingListCommand } = await import('../pairing.ts')
      finish(await pairingListCommand({ ...home(), json: options.json ?? false }))
    })
  pairing
    .command('approve')
    .summary('approve the person who received this code')
    .argument('<channel>', 'channel, such as telegram')
    .argument('<code>', 'code that the person received')
    .action(async (channel: string, code: string) => {
      const { pairingApproveCommand } = await import('../pairing.ts')
      finish(await pairingApproveCommand({ ...home(), channel, code }))
    })
  pairing
    .command('revoke')
    .summary("withdraw a person's approval")
    .argument('<channel>', 'channel, such as telegram')
    .argument('<user>', "the person's ID on the platform")
    .action(async (channel: string, user: string) => {
      const { pairingRevokeCommand } = await import('../pairing.ts')
      finish(await pairingRevokeCommand({ ...home(), channel, user }))
    })
}

function addData({ program, home, finish }: Wiring): void {
  const data = program.command('data').helpGroup(GROUP.people).summary("export or delete a person's data")
  withExamples(data, [
    ['hermes data export telegram 12345 > ada.json', 'everything stored about a person'],
    ['hermes data delete telegram 12345', 'delete it after confirmation'],
  ])
  data
    .command('export')
    .summary('print everything stored about a person as JSON')
    .argument('<channel>', 'channel, such as telegram')
    .argument('<user>', "the person's ID on the platform")
    .action(async (channel: string, user: string) => {
      const { dataExportCommand } = await import('../data.ts')
      finish(await dataExportCommand({ ...home(), channel, user }))
    })
  data
    .command('delete')
    .summary('delete everything stored about a person')
    .argument('<channel>', 'channel, such as telegram')
    .argument('<user>', "the person's ID on the platform")
    .option('--yes', 'do not ask for confirmation')
    .action(async (channel: string, user: string, options: { yes?: boolean }) => {
      const { dataDeleteCommand } = await import('../data.ts')
      finish(await dataDeleteCommand({ ...home(), channel, user, yes: options.yes ?? false }))
    })
  const backup = program
    .command('backup')
    .helpGroup(GROUP.people)
    .summary('back up the database, without sign-ins')
    .argument('<file>', 'file to create; must not exist yet')
    .action(async (file: string) => {
      const { backupCommand } = await import('../data.ts')
      finish(await backupCommand({ ...home(), file }))
    })
  withExamples(backup, [['hermes backup hermes-$(date +%F).db', 'works while the gateway runs']])
}
