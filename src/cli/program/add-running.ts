import { Option } from 'commander'
import type { Role } from '../../inbox/fleet/fleet.ts'
import { USAGE_GROUPS, type UsageGroup } from '../../usage/ledger.ts'
import { GROUP, jsonOption, portOption, withExamples, withExitCodes, type Wiring } from '../command.ts'

/** Commands that run the gateway, show its state and talk to it. */
export function addRunning({ program, home, finish }: Wiring): void {
  const gateway = program
    .command('gateway')
    .helpGroup(GROUP.run)
    .summary('run the gateway')
    .description('Runs the gateway in the foreground until SIGTERM or Ctrl-C.')
    .option('--sandbox', 'simulated Anthropic on loopback, web chat, short-lived tokens; no account needed')
    .addOption(portOption('listen on this port instead of gateway.port'))
    .addOption(
      new Option('--role <role>', 'with PostgreSQL: connect to platforms (ingress), answer (worker), or both')
        .choices(['all', 'ingress', 'worker'])
        .default('all'),
    )
    .action(async (options: { sandbox?: boolean; port?: number; role: Role }) => {
      const { gatewayCommand } = await import('../gateway.ts')
      const { sandbox = false, port, role } = options
      finish(await gatewayCommand({ ...home(), sandbox, port, role }))
    })
  withExamples(gateway, [
    ['hermes gateway', 'use the home folder ~/.hermes'],
    ['hermes gateway --sandbox', 'try it locally, without an account'],
    ['hermes gateway --home /srv/hermes --port 9000', 'use another home and port'],
    ['hermes gateway --role worker', 'only answer messages, as one of several gateways'],
  ])
  withExitCodes(gateway, [
    [0, 'stopped on request'],
    [1, 'another gateway uses this home, or the port is in use'],
    [78, 'configuration error'],
  ])

  const chat = program
    .command('chat')
    .helpGroup(GROUP.run)
    .summary('talk to the running gateway')
    .description('Sends TEXT and prints the answer. Without TEXT, opens a conversation in the terminal.')
    .argument('[text...]', 'message to send; read from stdin if piped')
    .option('--conversation <id>', 'conversation to continue', 'terminal')
    .action(async (words: string[], options: { conversation: string }) => {
      const { chatCommand } = await import('../chat.ts')
      finish(await chatCommand({ ...home(), text: words.join(' '), conversation: options.conversation }))
    })
  withExamples(chat, [
    ['hermes chat', 'open a conversation; Ctrl-D leaves it'],
    ['hermes chat "Good morning"', 'ask one question'],
    [
      'git diff | hermes chat --conversation review',
      'read the question from a pipe, in a separate conversation',
    ],
  ])

  const dashboard = program
    .command('dashboard')
    .helpGroup(GROUP.run)
    .summary('print a new one-time link to the dashboard')
    .description('Prints a link that signs one browser in to the dashboard. It expires after ten minutes.')
    .addOption(
      new Option('--token <scope>', 'print a bearer token limited to this scope instead').choices([
        'chat',
        'metrics',
      ]),
    )
    .action(async (options: { token?: 'chat' | 'metrics' }) => {
      const { dashboardCommand } = await import('../dashboard.ts')
      finish(await dashboardCommand({ ...home(), scope: options.token }))
    })
  withExamples(dashboard, [
    ['hermes dashboard', 'print a sign-in link'],
    ['hermes dashboard --token metrics', 'print a token that can only read /metrics'],
  ])

  addModels({ program, home, finish })
  addUsage({ program, home, finish })

  const status = program
    .command('status')
    .helpGroup(GROUP.run)
    .summary('show gateway, credential, channels, queue and open incident')
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { statusCommand } = await import('../status.ts')
      finish(await statusCommand({ ...home(), json: options.json ?? false }))
    })
  withExamples(status, [
    ['hermes status', 'show what works, what is waiting and what to do'],
    ['hermes status --json | jq .credential', 'for scripts and monitoring'],
  ])
  withExitCodes(status, [
    [0, 'messages are being answered'],
    [1, 'no gateway is running'],
    [3, 'a person must act: sign in, or fix the account'],
    [4, 'temporarily unavailable; retried automatically'],
    [78, 'configuration error'],
  ])
}

function addUsage({ program, home, finish }: Wiring): void {
  const usage = program
    .command('usage')
    .helpGroup(GROUP.run)
    .summary('show what requests to the model have cost')
    .description(
      'Shows the requests of a time with their tokens and their cost at the prices of the API, discarded answers ' +
        'and summaries included. Days are in UTC.',
    )
    .option('--since <time>', 'how far back: a duration such as 30d, or a day such as 2026-11-01', '30d')
    .addOption(
      new Option('--by <key>', 'what the requests are put together by').choices(USAGE_GROUPS).default('day'),
    )
    .addOption(jsonOption())
    .action(async (options: { since: string; by: UsageGroup; json?: boolean }) => {
      const { usageCommand } = await import('../usage.ts')
      const { since, by, json = false } = options
      finish(await usageCommand({ ...home(), since, by, json }))
    })
  withExamples(usage, [
    ['hermes usage', 'the last 30 days'],
    ['hermes usage --since 2026-11-01 --by conversation', 'what each conversation has cost in November'],
    ['hermes usage --by model --json | jq .total.costUsd', 'for scripts'],
  ])
}

function addModels({ program, home, finish }: Wiring): void {
  const models = program
    .command('models')
    .helpGroup(GROUP.run)
    .summary('list the models of the account and what each can do')
    .description(
      'Lists the models that the provider offers to this account: context window, longest answer, levels of ' +
        'effort, retirement. The gateway asks daily; without such a list this command asks the provider.',
    )
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { modelsCommand } = await import('../models.ts')
      finish(await modelsCommand({ ...home(), json: options.json ?? false }))
    })
  withExamples(models, [
    ['hermes models', 'what can be set as model.default, or chosen by /model'],
    ["hermes models --json | jq -r '.items[].id'", 'the ids alone'],
  ])
  withExitCodes(models, [
    [0, 'the list is not older than a day'],
    [3, 'nobody is signed in; the last known list is printed'],
    [4, 'the provider could not be asked; the last known list is printed'],
  ])
}
