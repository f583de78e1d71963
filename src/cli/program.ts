import { Command, InvalidArgumentError, Option } from 'commander'
import { VERSION } from '../support/version.ts'

/** What every command is told beside its own options. */
export interface GlobalOptions {
  /** `--home DIR`; undefined: the environment or the default decides. */
  readonly home: string | undefined
}

type Finish = (exitCode: number) => void

/**
 * The commands and their words. Each command's code is loaded when it runs, so that
 * `hermes --help` does not pay for the gateway.
 */
export function buildProgram(finish: Finish): Command {
  const program = new Command('hermes')
    .description('The chat gateway for Claude that stays signed in.')
    .version(VERSION, '-v, --version', 'print the version')
    .option('--home <dir>', 'the home folder (default: $HERMES_HOME, else ~/.hermes)')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .showSuggestionAfterError()
    .showHelpAfterError('Run "hermes --help" for the commands.')
    .exitOverride()
    .addHelpText(
      'before',
      examples([
        ['hermes gateway', 'run the gateway'],
        ['hermes gateway --sandbox', 'try it without an account, on this machine only'],
        ['hermes status', 'what works, what waits, what to do'],
        ['hermes chat "Good morning"', 'talk to the running gateway'],
      ]),
    )

  const home = (): GlobalOptions => ({ home: program.opts<{ home?: string }>().home })

  program
    .command('gateway')
    .summary('run the gateway')
    .description('Runs the gateway in the foreground until SIGTERM or Ctrl-C.')
    .option(
      '--sandbox',
      'a simulated Anthropic on loopback, the web chat, short-lived tokens; no account needed',
    )
    .addOption(new Option('--port <n>', 'listen here instead of gateway.port').argParser(parsePort))
    .action(async (options: { sandbox?: boolean; port?: number }) => {
      const { gatewayCommand } = await import('./gateway.ts')
      finish(await gatewayCommand({ ...home(), sandbox: options.sandbox ?? false, port: options.port }))
    })

  program
    .command('chat')
    .summary('talk to the running gateway')
    .description('Sends TEXT and prints the answer; without TEXT, a conversation in the terminal.')
    .argument('[text...]', 'what to say; read from a pipe when there is one')
    .option('--conversation <id>', 'the conversation to go on with', 'terminal')
    .action(async (words: string[], options: { conversation: string }) => {
      const { chatCommand } = await import('./chat.ts')
      finish(await chatCommand({ ...home(), text: words.join(' '), conversation: options.conversation }))
    })

  program
    .command('dashboard')
    .summary('print a fresh one-use address of the page')
    .description('Prints an address of the page that signs a browser in once, within ten minutes.')
    .addOption(
      new Option('--token <scope>', 'print a narrower bearer token instead').choices(['chat', 'metrics']),
    )
    .action(async (options: { token?: 'chat' | 'metrics' }) => {
      const { dashboardCommand } = await import('./dashboard.ts')
      finish(await dashboardCommand({ ...home(), scope: options.token }))
    })

  program
    .command('status')
    .summary('gateway, credential, channels, queue, open incident')
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { statusCommand } = await import('./status.ts')
      finish(await statusCommand({ ...home(), json: options.json ?? false }))
    })

  addAuth(program, home, finish)
  addQueue(program, home, finish)
  addPairing(program, home, finish)
  addData(program, home, finish)

  program
    .command('sandbox')
    .summary('the simulated Anthropic alone, with its fault controls')
    .addOption(new Option('--port <n>', 'listen here instead of a free port').argParser(parsePort))
    .option('--unmarked', 'issue tokens that a production gateway takes, to rehearse outages with it')
    .action(async (options: { port?: number; unmarked?: boolean }) => {
      const { sandboxCommand } = await import('./sandbox.ts')
      finish(await sandboxCommand({ port: options.port, unmarked: options.unmarked ?? false }))
    })

  return program
}

function addAuth(program: Command, home: () => GlobalOptions, finish: Finish): void {
  const auth = program.command('auth').summary('the sign-in: its state, its sources, refresh, logout')
  auth
    .command('status')
    .summary("the credential's state, from what is stored; no network")
    .addOption(jsonOption())
    .option('--adopt', 'this home was moved to this machine on purpose: its sign-in belongs here now')
    .action(async (options: { json?: boolean; adopt?: boolean }) => {
      const { authStatusCommand } = await import('./auth-status.ts')
      finish(
        await authStatusCommand({ ...home(), json: options.json ?? false, adopt: options.adopt ?? false }),
      )
    })
  auth
    .command('sources')
    .summary('every source of a credential, which one is in use, and why')
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { authSourcesCommand } = await import('./auth-sources.ts')
      finish(await authSourcesCommand({ ...home(), json: options.json ?? false }))
    })
  auth
    .command('refresh')
    .summary("one refresh now, under the gateway's own locks")
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { authRefreshCommand } = await import('./auth-refresh.ts')
      finish(await authRefreshCommand({ ...home(), json: options.json ?? false }))
    })
  auth
    .command('logout')
    .summary("remove the gateway's own sign-in (only ever the own one)")
    .action(async () => {
      const { authLogoutCommand } = await import('./auth-logout.ts')
      finish(await authLogoutCommand(home()))
    })
}

const QUEUE_STATES = ['received', 'answering', 'held', 'parked'] as const

function addQueue(program: Command, home: () => GlobalOptions, finish: Finish): void {
  const queue = program.command('queue').summary('held and parked messages')
  queue
    .command('list', { isDefault: true })
    .summary('what waits, oldest first')
    .addOption(new Option('--state <state>', 'only these').choices(QUEUE_STATES))
    .addOption(jsonOption())
    .action(async (options: { state?: (typeof QUEUE_STATES)[number]; json?: boolean }) => {
      const { queueListCommand } = await import('./queue.ts')
      finish(await queueListCommand({ ...home(), state: options.state, json: options.json ?? false }))
    })
  queue
    .command('retry')
    .summary('try a parked or held message again now')
    .argument('[id]', 'the message')
    .option('--all', 'every parked message')
    .action(async (id: string | undefined, options: { all?: boolean }) => {
      const { queueRetryCommand } = await import('./queue.ts')
      finish(await queueRetryCommand({ ...home(), id, all: options.all ?? false }))
    })
  queue
    .command('drop')
    .summary('withdraw a held or parked message')
    .argument('<id>', 'the message')
    .action(async (id: string) => {
      const { queueDropCommand } = await import('./queue.ts')
      finish(await queueDropCommand({ ...home(), id }))
    })
}

function addPairing(program: Command, home: () => GlobalOptions, finish: Finish): void {
  const pairing = program.command('pairing').summary('who may talk')
  pairing
    .command('list', { isDefault: true })
    .summary('people who asked, and people who were let in')
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { pairingListCommand } = await import('./pairing.ts')
      finish(await pairingListCommand({ ...home(), json: options.json ?? false }))
    })
  pairing
    .command('approve')
    .summary('let in who was given this code')
    .argument('<channel>', 'such as telegram')
    .argument('<code>', 'the code that the person was shown')
    .action(async (channel: string, code: string) => {
      const { pairingApproveCommand } = await import('./pairing.ts')
      finish(await pairingApproveCommand({ ...home(), channel, code }))
    })
  pairing
    .command('revoke')
    .summary('a person may not talk any more')
    .argument('<channel>', 'such as telegram')
    .argument('<user>', "the platform's id of the person")
    .action(async (channel: string, user: string) => {
      const { pairingRevokeCommand } = await import('./pairing.ts')
      finish(await pairingRevokeCommand({ ...home(), channel, user }))
    })
}

function addData(program: Command, home: () => GlobalOptions, finish: Finish): void {
  const data = program.command('data').summary("a person's data")
  data
    .command('export')
    .summary('print everything stored of a person, as JSON')
    .argument('<channel>', 'such as telegram')
    .argument('<user>', "the platform's id of the person")
    .action(async (channel: string, user: string) => {
      const { dataExportCommand } = await import('./data.ts')
      finish(await dataExportCommand({ ...home(), channel, user }))
    })
  data
    .command('delete')
    .summary('remove everything stored of a person')
    .argument('<channel>', 'such as telegram')
    .argument('<user>', "the platform's id of the person")
    .option('--yes', 'do not ask')
    .action(async (channel: string, user: string, options: { yes?: boolean }) => {
      const { dataDeleteCommand } = await import('./data.ts')
      finish(await dataDeleteCommand({ ...home(), channel, user, yes: options.yes ?? false }))
    })
  program
    .command('backup')
    .summary('write a consistent copy of the database, without sign-ins')
    .argument('<file>', 'must not exist yet')
    .action(async (file: string) => {
      const { backupCommand } = await import('./data.ts')
      finish(await backupCommand({ ...home(), file }))
    })
}

function jsonOption(): Option {
  return new Option('--json', 'print one JSON object and nothing else')
}

function parsePort(value: string): number {
  const port = Number(value)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new InvalidArgumentError('A port is a number from 0 to 65535.')
  }
  return port
}

function examples(lines: ReadonlyArray<readonly [command: string, what: string]>): string {
  const width = Math.max(...lines.map(([command]) => command.length))
  return ['Examples:', ...lines.map(([command, what]) => `  ${command.padEnd(width)}   ${what}`), ''].join(
    '\n',
  )
}
