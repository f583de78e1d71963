import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DEFAULT_TEXTS } from '../config/texts.ts'
import type { UsageQuery, UsageSum } from '../usage/ledger.ts'
import {
  COMMAND_LIST,
  createCommands,
  parseCommand,
  readRequest,
  unknownCommand,
  type CommandCall,
} from './commands.ts'
import type { Conversations } from './conversations.ts'
import { modelCommands } from './model-commands.ts'
import { ModelSettings } from './model-settings.ts'

test.each([
  ['/new', 'new', ''],
  [' /Stop ', 'stop', ''],
  ['/status@our_bot', 'status', ''],
  ['/model claude-x', 'model', 'claude-x'],
  ['/model@our_bot\nclaude-x', 'model', 'claude-x'],
])('%j is a command', (text, name, rest) => {
  expect(parseCommand(text)).toEqual({ name, rest })
})

test.each(['/usr/bin is a folder', 'please /new', '//new', '/', '/1', 'new', '/new-thing'])(
  '%j is words',
  (text) => {
    expect(parseCommand(text)).toBeNull()
  },
)

const nothing = { messages: async () => [], usage: async () => ({ turns: 0, total: null, last: null }) }
let ledger: (query: UsageQuery) => readonly UsageSum[] = () => []
const texts = DEFAULT_TEXTS
const settings = new ModelSettings({
  config: { default: 'claude-default', maxTokens: 'auto', contextLength: 'auto', effort: 'auto' },
  overrides: {},
  models: { current: () => ({ source: 'provider', fetchedAt: 0, models: [] }), find: () => null },
  warn() {},
})
const commands = new Map([
  ...createCommands({
    conversations: nothing as unknown as Conversations,
    ledger: { sums: async (query) => ledger(query) },
    texts,
    settings,
    gate: () => ({ open: true }),
  }),
  ...modelCommands({ settings, texts }),
])

function call(name: string, rest: string, more: Partial<CommandCall> = {}) {
  return commands.get(name)!({
    name,
    rest,
    channel: 'chat',
    address: 'a',
    person: { id: '1', name: null },
    chat: { id: 'a', kind: 'private', addressed: true },
    role: 'user',
    conversation: null,
    now: 0,
    ...more,
  })
}

test('the list that platforms recognise commands by holds what can be run, and /start is no entry of it', () => {
  const listed = ['start', ...COMMAND_LIST.map(({ name }) => name)]
  expect(listed.toSorted()).toEqual([...commands.keys()].toSorted())
})

test('/help names every command but itself and the one for operators', () => {
  const names = COMMAND_LIST.map(({ name }) => name).filter((name) => name !== 'help' && name !== 'login')
  const missing = names.filter((name) => !DEFAULT_TEXTS.help.includes(`/${name} –`))
  expect(missing, 'to be named in the text "help" of src/config/texts.ts').toEqual([])
})

describe('/usage', () => {
  const midnight = Date.parse('2026-12-01T00:00:00Z')
  const chat = { id: 'a', kind: 'private', addressed: true } as const
  const conversation = { id: 'chat:a', channel: 'chat', address: 'a', model: null, effort: null }
  const sum = (key: string, usd: number): UsageSum => ({
    key,
    requests: 1,
    inputTokens: 10,
    outputTokens: 5,
    cacheReadTokens: 80,
    cacheWriteTokens: 10,
    cost: usd * 1_000_000_000,
    unknown: 0,
    estimated: 0,
    subscription: 0,
  })
  const asked: UsageQuery[] = []
  beforeEach(() => {
    asked.length = 0
    ledger = (query) => {
      asked.push(query)
      const own = [sum('2026-10-31', 1), sum('2026-11-01', 2), sum('2026-11-30', 4), sum('2026-12-01', 8)]
      return query.conversation ? own : [sum('2026-11-01', 16), sum('2026-12-01', 32)]
    }
  })
  afterEach(() => {
    ledger = () => []
  })
  const costs = async (now: number, more: Partial<CommandCall> = {}) =>
    (await call('usage', '', { now, conversation, chat, ...more })).reply.split('\n')

  test('the day and the month are those of UTC, before midnight and after it', async () => {
    const rest = 'So far: $15.00, 400 input tokens, of these 80 % from the cache, and 20 output tokens.'
    const [before] = await costs(midnight - 1)
    // What is booked for the next day is not of today; the month has begun with its first.
    expect(before).toContain('This chat today: $4.00. This month: $14.00.')
    const [after] = await costs(midnight)
    expect(after).toContain(`This chat today: $8.00. This month: $8.00. ${rest}`)
  })

  test('says to an operator in private what all chats have cost, and to nobody else', async () => {
    expect(await costs(midnight, { role: 'operator' })).toEqual([
      expect.stringContaining('This chat today: $8.00.'),
      'All chats today: $32.00. This month: $32.00.',
    ])
    expect(asked.at(-1)).toEqual({ by: 'day', since: midnight })
    const group = { ...chat, kind: 'group' } as const
    expect(await costs(midnight, { role: 'operator', chat: group })).toHaveLength(1)
    expect(await costs(midnight)).toHaveLength(1)
    expect(asked.filter(({ conversation: of }) => of !== 'chat:a')).toHaveLength(1)
  })
})

test('the usage of a chat in which nothing was said is nothing', async () => {
  expect((await call('usage', '')).reply).toBe(
    'This chat today: $0.00. This month: $0.00. So far: $0.00, 0 input tokens, of these 0 % from the cache, and 0 output tokens. Answers: 0.',
  )
})

test('/login is a command even where nobody can sign in, so that it never reaches the model', async () => {
  expect((await call('login', '')).reply).toBe(DEFAULT_TEXTS.login_refused)
})

test.each([
  ['/new', 'new', '', null],
  ['/new what is 2+2?', 'new', '', 'what is 2+2?'],
  ['/new\nwhat is\n2+2?', 'new', '', 'what is\n2+2?'],
  ['/stop and tell me why', 'stop', '', 'and tell me why'],
  ['/model claude-small', 'model', 'claude-small', null],
  ['/login replace', 'login', 'replace', null],
  ['/help', 'help', '', null],
  ['/status\n\nBest regards\nAnna', 'status', 'Best regards\nAnna', null],
])('%j is a command, and what follows it is not lost', (text, name, rest, question) => {
  expect(readRequest(text, commands)).toEqual({ command: { name, rest }, question })
})

test.each([
  '/help me write a poem',
  '/status of my order?',
  '/usage of "whom" in English',
  '/start the engine: how?',
  '/unknown thing',
  'what is /new?',
])('%j is a question', (text) => {
  expect(readRequest(text, commands)).toEqual({ command: null, question: text })
})

test('/help names every command, each on a line of its own', () => {
  const lines = DEFAULT_TEXTS.help.split('\n').map((line) => line.split(' ', 1)[0])
  expect(lines.toSorted()).toEqual(COMMAND_LIST.map(({ name }) => `/${name}`).toSorted())
})

test.each([
  ['/frobnicate', 'frobnicate'],
  ['/Translate hello', 'translate'],
  ['/status of my order?', null],
  ['/start', null],
  ['/usr/bin/env node', null],
  ['/path/like/this', null],
  ['!revoke', null],
  ['/1 and /2', null],
  ['see /frobnicate', null],
])('%j is a command that there is not: %j', (text, name) => {
  expect(unknownCommand(text, commands)).toBe(name)
})
