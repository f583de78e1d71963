import { Option } from 'commander'
import { GROUP, jsonOption, withExamples, withExitCodes, type Wiring } from '../command.ts'

const QUEUE_STATES = ['received', 'answering', 'held', 'parked'] as const

/** Commands for waiting messages, outages and alerts. */
export function addMessages(wiring: Wiring): void {
  addQueue(wiring)
  addIncidents(wiring)
  addAlerts(wiring)
}

function addQueue({ program, home, finish }: Wiring): void {
  const queue = program
    .command('queue')
    .helpGroup(GROUP.messages)
    .summary('list, retry or withdraw waiting messages')
  withExamples(queue, [
    ['hermes queue', 'list waiting messages, oldest first'],
    ['hermes queue list --state parked', 'messages that need an operator'],
    ['hermes queue retry --all', 'retry every parked message'],
  ])
  queue
    .command('list', { isDefault: true })
    .summary('list waiting messages, oldest first')
    .addOption(new Option('--state <state>', 'only messages in this state').choices(QUEUE_STATES))
    .addOption(jsonOption())
    .action(async (options: { state?: (typeof QUEUE_STATES)[number]; json?: boolean }) => {
      const { queueListCommand } = await import('../queue.ts')
      finish(await queueListCommand({ ...home(), state: options.state, json: options.json ?? false }))
    })
  queue
    .command('retry')
    .summary('retry a held or parked message now')
    .argument('[id]', 'ID of the message')
    .option('--all', 'retry every parked message')
    .action(async (id: string | undefined, options: { all?: boolean }) => {
      const { queueRetryCommand } = await import('../queue.ts')
      finish(await queueRetryCommand({ ...home(), id, all: options.all ?? false }))
    })
  queue
    .command('drop')
    .summary('withdraw a held or parked message')
    .argument('<id>', 'ID of the message')
    .action(async (id: string) => {
      const { queueDropCommand } = await import('../queue.ts')
      finish(await queueDropCommand({ ...home(), id }))
    })
}

function addIncidents({ program, home, finish }: Wiring): void {
  const incidents = program
    .command('incidents')
    .helpGroup(GROUP.messages)
    .summary('list outages from start to end')
    .description(
      'Lists the outages of this home, newest first: the cause, the duration, the alerts sent and the messages held.',
    )
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { incidentsCommand } = await import('../incidents.ts')
      finish(await incidentsCommand({ ...home(), json: options.json ?? false }))
    })
  withExamples(incidents, [
    ['hermes incidents', 'recent outages'],
    ["hermes incidents --json | jq '.items[0].events'", 'every event of the latest one'],
  ])
}

function addAlerts({ program, home, finish }: Wiring): void {
  const alerts = program.command('alerts').helpGroup(GROUP.messages).summary('test outage alerts')
  withExamples(alerts, [['hermes alerts test', 'send a test alert through every route']])
  const test = alerts
    .command('test')
    .summary('send a test alert through every route and report which arrived')
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { alertsTestCommand } = await import('../alerts-test.ts')
      finish(await alertsTestCommand({ ...home(), json: options.json ?? false }))
    })
  withExitCodes(test, [
    [0, 'at least one route delivered it'],
    [1, 'no route delivered it, or none is configured'],
    [78, 'a route is misconfigured'],
  ])
}
