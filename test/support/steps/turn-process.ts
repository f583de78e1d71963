import { appendFileSync } from 'node:fs'
import { pino } from 'pino'
import { DEFAULT_TEXTS } from '../../../src/config/texts.ts'
import { Messaging } from '../../../src/conversation/messaging.ts'
import { ModelSettings } from '../../../src/conversation/model-settings.ts'
import type { Model } from '../../../src/conversation/model.ts'
import type { SendChannel } from '../../../src/inbox/delivery/send-channel.ts'
import { ProviderGate } from '../../../src/inbox/gate/provider-gate.ts'
import type { Inbox } from '../../../src/inbox/inbox.ts'
import { openSqliteStorage } from '../../../src/storage/sqlite/storage.ts'
import { HOUR, SECOND, systemClock } from '../../../src/support/clock.ts'
import { call, callingAnswer } from '../provider/calling-answer.ts'
import { modelInfo } from '../provider/model-info.ts'
import { plainAnswer } from '../provider/plain-answer.ts'
import { rethrow } from '../rethrow.ts'
import { DEFAULT_LIMITS, TestTool } from './test-tool.ts'

/**
 * A process that answers one message with tools, on the database at `path`, and writes to `log` what it does. At the
 * point with the number `killAt` it kills itself; 0 = nowhere. @see test/faults/64-killed-between-the-steps.test.ts
 */
const [path = '', log = '', killAt = '0'] = process.argv.slice(2)

let points = 0

function point(what: string): void {
  appendFileSync(log, `${what}\n`)
  if (++points === Number(killAt)) process.kill(process.pid, 'SIGKILL')
}

function marked<Args extends unknown[], Result>(what: string, store: (...args: Args) => Promise<Result>) {
  return async (...args: Args): Promise<Result> => {
    point(`before ${what}`)
    const result = await store(...args)
    point(`after ${what}`)
    return result
  }
}

const tools = [
  new TestTool('look', 'read'),
  new TestTool('note', 'idempotent'),
  new TestTool('act', 'effect'),
]
for (const tool of tools) {
  tool.does = async (_, id) => {
    point(`begun ${id}`)
    point(`done ${id}`)
    return { content: JSON.stringify(`did ${id}`), isError: false }
  }
}

const storage = await openSqliteStorage({ path, pullChannels: [] })
const inbox: Inbox = {
  ...storage.inbox,
  saveStep: marked('a step', (...step: Parameters<Inbox['saveStep']>) => storage.inbox.saveStep(...step)),
  saveResult: marked('a result', (...result: Parameters<Inbox['saveResult']>) =>
    storage.inbox.saveResult(...result),
  ),
  finish: marked('the end', (...end: Parameters<Inbox['finish']>) => storage.inbox.finish(...end)),
}

const model: Model = {
  answer: async ({ messages }, { onText }) => {
    const steps = messages.filter(({ blocks, role }) => blocks && role === 'assistant').length
    if (steps > 0) appendFileSync(log, `told ${messages.at(-1)!.blocks}\n`)
    point(`asked ${steps}`)
    const effects = [call('effect-1', 'act'), call('effect-2', 'act'), call('read', 'look')]
    const answers = [
      callingAnswer('One moment.', effects),
      callingAnswer('', [call('note', 'note')]),
      plainAnswer('All done.', 'claude-test'),
    ]
    onText(answers[steps]!.text)
    return answers[steps]!
  },
}

let isSent = () => {}
const sent = new Promise<void>((resolve) => (isSent = resolve))
const channel: SendChannel = {
  channel: 'chat',
  push: true,
  draftIntervalMs: null,
  split: (text) => [text],
  send: async (_, text) => {
    appendFileSync(log, `sent ${JSON.stringify(text)}\n`)
    isSent()
    return 'sent'
  },
  edit: async () => {},
  typing() {},
}

const info = modelInfo('claude-test')
const everybody = {
  allowAll: true,
  allowedUsers: new Set<string>(),
  allowedGroups: new Set<string>(),
  allowedChats: new Set<string>(),
  requireMention: true,
  trusted: false,
}
const messaging = new Messaging({
  storage: { ...storage, inbox },
  model,
  gate: new ProviderGate({ clock: systemClock, texts: DEFAULT_TEXTS, onProblem: rethrow }),
  sendChannels: [channel],
  access: { operators: new Set(), channels: new Map([['chat', everybody]]) },
  texts: DEFAULT_TEXTS,
  clock: systemClock,
  log: pino({ level: 'silent' }),
  settings: new ModelSettings({
    config: { default: 'claude-test', maxTokens: 4_096, contextLength: 'auto', effort: 'auto' },
    overrides: {},
    models: { current: () => ({ source: 'provider', fetchedAt: 0, models: [info] }), find: () => info },
    warn() {},
  }),
  cache: 'off',
  system: async () => null,
  tools,
  limits: DEFAULT_LIMITS,
  hold: { maxAge: HOUR, maxPerConversation: 50, maxTotal: 100, merge: true },
  concurrency: 2,
  drainRate: 20,
  ratePerPerson: 100,
  reserveBytes: 0,
})
await messaging.start()
const message = {
  kind: 'message',
  address: 'a',
  platformMessageId: 'in-1',
  person: { id: 'person', name: null },
  chat: { id: 'a', kind: 'private', addressed: true },
  text: 'do it',
  attachments: [],
  unsupported: null,
} as const
// The second process gets it again, as from a platform that was not told that it had arrived.
await messaging.receiver.receive('chat', [message], [])
await sent
await messaging.stop(SECOND)
await storage.close()
