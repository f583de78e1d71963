import { Option } from 'commander'
import { GROUP, jsonOption, withExamples, withExitCodes, type Wiring } from '../command.ts'

const QUEUE_STATES = ['received', 'answering', 'held', 'parked'] as const

/** What waits, what broke, and how the operator is told. */
export function addMessages(wiring: Wiring): void {
  addQueue(wiring)
  addIncidents(wiring)
  addAlerts(wiring)
}

function addQueue({ program, home, finish }: Wiring): void {
  const queue = program.command('queue').helpGroup(GROUP.messages).summary('held and parked messages')
  withExamples(queue, [
    ['hermes queue', 'what waits, oldest first'],
    ['hermes queue list --state parked', 'what waits for the operator'],
    ['hermes queue retry --all', 'try every parked message again'],
  ])
  queue
    .command('list', { isDefault: true })
    .summary('what waits, oldest first')
    .addOption(new Option('--state <state>', 'only these').choices(QUEUE_STATES))
    .addOption(jsonOption())
    .action(async (options: { state?: (typeof QUEUE_STATES)[number]; json?: boolean }) => {
      const { queueListCommand } = await import('../queue.ts')
      finish(await queueListCommand({ ...home(), state: options.state, json: options.json ?? false }))
    })
  queue
    .command('retry')
    .summary('try a parked or held message again now')
    .argument('[id]', 'the message')
    .option('--all', 'every parked message')
    .action(async (id: string | undefined, options: { all?: boolean }) => {
      const { queueRetryCommand } = await import('../queue.ts')
      finish(await queueRetryCommand({ ...home(), id, all: options.all ?? false }))
    })
  queue
    .command('drop')
    .summary('withdraw a held or parked message')
    .argument('<id>', 'the message')
    .action(async (id: string) => {
      const { queueDropCommand } = await import('../queue.ts')
      finish(await queueDropCommand({ ...home(), id }))
    })
}

function addIncidents({ program, home, finish }: Wiring): void {
  const incidents = program
    .command('incidents')
    .helpGroup(GROUP.messages)
    .summary('outages from start to end')
    .description(
      'Lists the outages of this home, the newest first: what broke, how long, who was told, who waited.',
    )
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { incidentsCommand } = await import('../incidents.ts')
      finish(await incidentsCommand({ ...home(), json: options.json ?? false }))
    })
  withExamples(incidents, [
    ['hermes incidents', 'the latest outages'],
    ["hermes incidents --json | jq '.items[0].events'", 'the course of the last one'],
  ])
}

function addAlerts({ program, home, finish }: Wiring): void {
  const alerts = program
    .command('alerts')
    .helpGroup(GROUP.messages)
    .summary('how the operator is told of an outage')
  withExamples(alerts, [['hermes alerts test', 'a test through every route, saying which arrived']])
  const test = alerts
    .command('test')
    .summary('a test through every route, saying which arrived')
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { alertsTestCommand } = await import('../alerts-test.ts')
      finish(await alertsTestCommand({ ...home(), json: options.json ?? false }))
    })
  withExitCodes(test, [
    [0, 'at least one route took it'],
    [1, 'none did, or there is none'],
    [78, 'a route cannot work as it is configured'],
  ])
}
