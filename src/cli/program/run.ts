import { Option } from 'commander'
import type { Role } from '../../inbox/fleet/fleet.ts'
import { GROUP, jsonOption, portOption, withExamples, withExitCodes, type Wiring } from '../command.ts'

/** Running the gateway, looking at it and talking to it. */
export function addRunning({ program, home, finish }: Wiring): void {
  const gateway = program
    .command('gateway')
    .helpGroup(GROUP.run)
    .summary('run the gateway')
    .description('Runs the gateway in the foreground until SIGTERM or Ctrl-C.')
    .option(
      '--sandbox',
      'a simulated Anthropic on loopback, the web chat, short-lived tokens; no account needed',
    )
    .addOption(portOption('listen here instead of gateway.port'))
    .addOption(
      new Option('--role <role>', 'with PostgreSQL: speak to the platforms, answer, or do both')
        .choices(['all', 'ingress', 'worker'])
        .default('all'),
    )
    .action(async (options: { sandbox?: boolean; port?: number; role: Role }) => {
      const { gatewayCommand } = await import('../gateway.ts')
      const { sandbox = false, port, role } = options
      finish(await gatewayCommand({ ...home(), sandbox, port, role }))
    })
  withExamples(gateway, [
    ['hermes gateway', 'run on the home in ~/.hermes'],
    ['hermes gateway --sandbox', 'try it without an account, on this machine only'],
    ['hermes gateway --home /srv/hermes --port 9000', 'another home, another port'],
    ['hermes gateway --role worker', 'one of several on a PostgreSQL: only answers'],
  ])
  withExitCodes(gateway, [
    [0, 'stopped as asked'],
    [1, 'another gateway runs on this home, or the port stayed taken'],
    [78, 'the configuration has to be changed'],
  ])

  const chat = program
    .command('chat')
    .helpGroup(GROUP.run)
    .summary('talk to the running gateway')
    .description('Sends TEXT and prints the answer; without TEXT, a conversation in the terminal.')
    .argument('[text...]', 'what to say; read from a pipe when there is one')
    .option('--conversation <id>', 'the conversation to go on with', 'terminal')
    .action(async (words: string[], options: { conversation: string }) => {
      const { chatCommand } = await import('../chat.ts')
      finish(await chatCommand({ ...home(), text: words.join(' '), conversation: options.conversation }))
    })
  withExamples(chat, [
    ['hermes chat', 'a conversation until Ctrl-D'],
    ['hermes chat "Good morning"', 'one question, one answer'],
    ['git diff | hermes chat --conversation review', 'from a pipe, in a conversation of its own'],
  ])

  const dashboard = program
    .command('dashboard')
    .helpGroup(GROUP.run)
    .summary('print a fresh one-use address of the page')
    .description('Prints an address of the page that signs a browser in once, within ten minutes.')
    .addOption(
      new Option('--token <scope>', 'print a narrower bearer token instead').choices(['chat', 'metrics']),
    )
    .action(async (options: { token?: 'chat' | 'metrics' }) => {
      const { dashboardCommand } = await import('../dashboard.ts')
      finish(await dashboardCommand({ ...home(), scope: options.token }))
    })
  withExamples(dashboard, [
    ['hermes dashboard', 'an address to open'],
    ['hermes dashboard --token metrics', 'a token that reads /metrics and nothing else'],
  ])

  const status = program
    .command('status')
    .helpGroup(GROUP.run)
    .summary('gateway, credential, channels, queue, open incident')
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { statusCommand } = await import('../status.ts')
      finish(await statusCommand({ ...home(), json: options.json ?? false }))
    })
  withExamples(status, [
    ['hermes status', 'what works, what waits, what to do'],
    ['hermes status --json | jq .credential', 'for scripts and monitors'],
  ])
  withExitCodes(status, [
    [0, 'messages are answered'],
    [1, 'no gateway runs'],
    [3, 'a person must act: sign in, or mend an account'],
    [4, 'not at the moment; it will mend itself'],
    [78, 'the configuration has to be changed'],
  ])
}
