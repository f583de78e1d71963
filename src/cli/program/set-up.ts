import { Option } from 'commander'
import { GROUP, jsonOption, withExamples, withExitCodes, type Wiring } from '../command.ts'
import type { InitFlags } from '../init/parse-flags.ts'

/** Setting up, checking and keeping the gateway running. */
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
    .summary('wizard: sign-in, channels, allowed users, alert route, service')
    .description(
      'Leads through the set-up and shows every change before it is written. Run it again at any time; Ctrl-C changes nothing.',
    )
    .option('--yes', 'ask nothing: take what the other options say')
    .option('--api-key-stdin', 'read an API key from the first line of the input')
    .option('--adopt-claude-code', 'use the sign-in of Claude Code on this machine, by your own choice')
    .option('--telegram-token-stdin', 'read the bot token from the next line of the input')
    .option('--allowed-user <id>', 'a numeric Telegram user who may talk (may be repeated)', several)
    .option('--operator <who>', 'who may run /login, such as telegram:12345 (may be repeated)', several)
    .option(
      '--alert <route>',
      'telegram:ID, ntfy:URL, webhook:URL, email:ADDRESS or command:PROGRAM (may be repeated)',
      several,
    )
    .option(
      '--alert-token-stdin',
      'read the token of the ntfy topic, or the secret of the webhook, from the next line of the input',
    )
    .option('--base-url <url>', 'the Messages API, instead of https://api.anthropic.com')
    .option('--sandbox-url <url>', 'a "hermes sandbox" that stands for the provider, sign-in included')
    .option('--telegram-api-root <url>', 'a Bot API server, instead of https://api.telegram.org')
    .option('--service', 'install the service without being asked')
    .option('--no-service', 'do not offer the service')
    .action(async (options: InitFlags) => {
      const { initCommand } = await import('../init/init.ts')
      finish(await initCommand({ ...home(), flags: options }))
    })
  withExamples(init, [
    ['hermes init', 'lead me through it'],
    ['hermes init --yes --api-key-stdin < key.txt', 'from a script: an API key, the web chat'],
    [
      'hermes init --yes --telegram-token-stdin --operator telegram:12345 < token.txt',
      'from a script: a Telegram bot and who runs it',
    ],
  ])
}

function addDoctor({ program, home, finish }: Wiring): void {
  const doctor = program
    .command('doctor')
    .helpGroup(GROUP.start)
    .summary('check the whole installation; each finding with the command that mends it')
    .description('Looks at everything that the gateway depends on. Changes nothing and sends no message.')
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { doctorCommand } = await import('../doctor/doctor.ts')
      finish(await doctorCommand({ ...home(), json: options.json ?? false }))
    })
  withExamples(doctor, [
    ['hermes doctor', 'what is wrong, and what mends it'],
    [`hermes doctor --json | jq '.items[] | select(.level != "ok")'`, 'for scripts'],
  ])
  withExitCodes(doctor, [
    [0, 'nothing is broken; there may be warnings'],
    [1, 'something is broken'],
    [3, 'a person must sign in'],
    [78, 'the configuration has to be changed'],
  ])
}

function addService({ program, home, finish }: Wiring): void {
  const service = program
    .command('service')
    .helpGroup(GROUP.start)
    .summary('run it as a service: systemd, or launchd on macOS')
  withExamples(service, [
    ['hermes service install', 'start with your own session, restart when it dies'],
    ['sudo hermes service install --system', 'start with the machine'],
    ['hermes service install --print', 'only show the unit file'],
  ])
  const system = () => new Option('--system', 'a service of the machine instead of your own')
  service
    .command('install')
    .summary('write the unit, enable and start it')
    .addOption(system())
    .option('--print', 'print the unit instead of installing it')
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
    .summary('stop it and remove what install wrote')
    .addOption(system())
    .action(async (options: { system?: boolean }) => {
      const { serviceUninstallCommand } = await import('../service/service.ts')
      finish(await serviceUninstallCommand({ ...home(), system: options.system ?? false }))
    })
  service
    .command('status')
    .summary('is it installed, does it run')
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
