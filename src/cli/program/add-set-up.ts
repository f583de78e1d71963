import { Option } from 'commander'
import { GROUP, jsonOption, withExamples, withExitCodes, type Wiring } from '../command.ts'
import type { InitFlags } from '../init/parse-flags.ts'

/** Commands that set up the gateway, check it and run it as a service. */
export function addSetUp(wiring: Wiring): void {
  addInit(wiring)
  addDoctor(wiring)
  addService(wiring)
}

function addInit({ program, home, finish }: Wiring): void {
  const several = (value: string, before: readonly string[] = []) => [...before, value]
  const init = program
    .command('init')
    .helpGroup(GROUP.start)
    .summary('set up sign-in, channels, allowed users, alerts and the service')
    .description(
      'Guides you through the setup and shows every change before writing it. You can run it again at any time; Ctrl-C changes nothing.',
    )
    .option('--yes', 'do not ask; use the other options')
    .option('--api-key-stdin', 'read an API key from the first line of stdin')
    .option('--adopt-claude-code', "use Claude Code's sign-in on this machine, at your own risk")
    .option('--telegram-token-stdin', 'read the bot token from the next line of stdin')
    .option('--allowed-user <id>', 'numeric ID of a Telegram user who may use the bot (repeatable)', several)
    .option('--operator <who>', 'who may run /login, such as telegram:12345 (repeatable)', several)
    .option(
      '--alert <route>',
      'telegram:ID, ntfy:URL, webhook:URL, email:ADDRESS or command:PROGRAM (repeatable)',
      several,
    )
    .option('--alert-token-stdin', 'read the ntfy token or the webhook secret from the next line of stdin')
    .option('--base-url <url>', 'Messages API to use instead of https://api.anthropic.com')
    .option('--sandbox-url <url>', 'address of a "hermes sandbox" to use as the provider, sign-in included')
    .option('--telegram-api-root <url>', 'Bot API server to use instead of https://api.telegram.org')
    .option('--service', 'install the service without asking')
    .option('--no-service', 'do not offer to install the service')
    .action(async (options: InitFlags) => {
      const { initCommand } = await import('../init/init.ts')
      finish(await initCommand({ ...home(), flags: options }))
    })
  withExamples(init, [
    ['hermes init', 'guided setup'],
    ['hermes init --yes --api-key-stdin < key.txt', 'from a script: API key and web chat'],
    [
      'hermes init --yes --telegram-token-stdin --operator telegram:12345 < token.txt',
      'from a script: Telegram bot and its operator',
    ],
  ])
}

function addDoctor({ program, home, finish }: Wiring): void {
  const doctor = program
    .command('doctor')
    .helpGroup(GROUP.start)
    .summary('check the whole installation and print the command that fixes each problem')
    .description('Checks everything that the gateway depends on. Changes nothing and sends no messages.')
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { doctorCommand } = await import('../doctor/doctor.ts')
      finish(await doctorCommand({ ...home(), json: options.json ?? false }))
    })
  withExamples(doctor, [
    ['hermes doctor', 'find problems and the commands that fix them'],
    [`hermes doctor --json | jq '.items[] | select(.level != "ok")'`, 'for scripts'],
  ])
  withExitCodes(doctor, [
    [0, 'no errors; there may be warnings'],
    [1, 'errors found'],
    [3, 'a person must sign in'],
    [78, 'configuration error'],
  ])
}

function addService({ program, home, finish }: Wiring): void {
  const service = program
    .command('service')
    .helpGroup(GROUP.start)
    .summary('run the gateway as a service (systemd, or launchd on macOS)')
  withExamples(service, [
    ['hermes service install', 'start with your session, restart after a crash'],
    ['sudo hermes service install --system', 'start at boot'],
    ['hermes service install --print', 'only print the unit file'],
  ])
  const system = () => new Option('--system', 'a system service instead of a user service')
  service
    .command('install')
    .summary('write the unit file, enable and start the service')
    .addOption(system())
    .option('--print', 'print the unit file instead of installing it')
    .action(async (options: { system?: boolean; print?: boolean }) => {
      const { serviceInstallCommand } = await import('../service/service.ts')
      finish(
        await serviceInstallCommand({
          ...home(),
          system: options.system ?? false,
          print: options.print ?? false,
        }),
      )
    })
  service
    .command('uninstall')
    .summary('stop the service and remove the unit file')
    .addOption(system())
    .action(async (options: { system?: boolean }) => {
      const { serviceUninstallCommand } = await import('../service/service.ts')
      finish(await serviceUninstallCommand({ ...home(), system: options.system ?? false }))
    })
  service
    .command('status')
    .summary('show whether the service is installed and running')
    .addOption(system())
    .addOption(jsonOption())
    .action(async (options: { system?: boolean; json?: boolean }) => {
      const { serviceStatusCommand } = await import('../service/service.ts')
      finish(
        await serviceStatusCommand({
          ...home(),
          system: options.system ?? false,
          json: options.json ?? false,
        }),
      )
    })
}
