import { expect, test } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { MessageFixture, type MessageFixtureOptions } from '../../test/support/message-fixture.ts'
import { DEFAULT_TEXTS } from '../config/texts.ts'
import { MINUTE, SECOND } from '../support/clock.ts'
import { Refused } from '../support/errors.ts'
import { createLog } from '../support/log.ts'
import type { Command } from './commands.ts'
import { createChatLogin, type ChatSignIn } from './login.ts'
import type { Paste } from './message-receiver.ts'

const URL_OF = (owner: string) => `https://claude.example/authorize?for=${encodeURIComponent(owner)}`
const PASTE = `TESTcode0123456789#${'TESTstate1'.repeat(4)}abc`

/** `/login` over a sign-in that the test decides on, and a platform in memory. */
async function chatLogin() {
  const clock = new FakeClock()
  const waiting = new Set<string>()
  const fixture = {
    finished: [] as Array<readonly [owner: string, paste: string]>,
    finish: async (): ReturnType<ChatSignIn['finish']> => ({ account: 'ada@example.org' }),
    confirm: async (): ReturnType<ChatSignIn['confirm']> => ({ account: 'bob@example.org' }),
    sent: [] as string[],
    sendFails: false,
    removals: [] as Array<readonly [message: string, at: number]>,
    /** Whether the removals succeed, in order; then they do. */
    removal: [] as Array<boolean | 'never' | Error>,
    logged: '',
  }
  const log = await createLog({
    level: 'trace',
    destination: { write: (line) => void (fixture.logged += line) },
  })
  const login = createChatLogin({
    signIn: {
      async begin(owner) {
        waiting.add(owner)
        return { url: URL_OF(owner), expiresAt: clock.now() + 10 * MINUTE }
      },
      waits: (owner) => waiting.has(owner),
      finish(owner, paste) {
        fixture.finished.push([owner, paste])
        return fixture.finish()
      },
      confirm: () => fixture.confirm(),
    },
    line: {
      async send(channel, address, text) {
        if (fixture.sendFails) throw new Error('the platform is away')
        fixture.sent.push(`${channel} ${address}: ${text}`)
      },
      async remove(_channel, _address, id) {
        fixture.removals.push([id, clock.monotonic()])
        const next = fixture.removal.shift() ?? true
        if (next instanceof Error) throw next
        return next
      },
    },
    channels: new Set(['telegram']),
    texts: DEFAULT_TEXTS,
    clock,
    log,
  })
  const call = (more: Partial<Parameters<Command>[0]> = {}) =>
    login.command({
      name: 'login',
      rest: '',
      channel: 'telegram',
      address: '1',
      person: { id: '1', name: 'Ada' },
      chat: { id: '1', kind: 'private', addressed: true },
      role: 'operator',
      conversation: null,
      now: clock.now(),
      ...more,
    })
  const paste = (more: Partial<Paste> = {}) =>
    login.onPaste({
      channel: 'telegram',
      address: '1',
      platformMessageId: 'm1',
      person: { id: '1', name: 'Ada' },
      chat: { id: '1', kind: 'private', addressed: true },
      role: 'operator',
      text: PASTE,
      ...more,
    })
  return { fixture, clock, call, paste }
}

const group = { id: 'g', kind: 'group', addressed: true } as const

test.each([
  ['somebody who is no operator', { role: 'user' }],
  ['an operator in a group', { chat: group }],
  ['an operator by mail', { channel: 'email' }],
  ['an operator on the page', { channel: 'web' }],
] as const)('%s gets no address', async (_who, more) => {
  const { fixture, call } = await chatLogin()
  expect(await call(more)).toEqual({ effect: null, reply: DEFAULT_TEXTS.login_refused })
  expect(fixture.sent).toEqual([])
})

test('the address is sent to the operator without being stored, with its time limit', async () => {
  const { fixture, call } = await chatLogin()
  const { reply } = await call()
  expect(fixture.sent).toEqual([expect.stringMatching(/^telegram 1: [\s\S]*within 10 minutes:\nhttps:\S+$/)])
  expect(reply).toBe(DEFAULT_TEXTS.login_waiting)
  expect(reply).not.toContain('http')
  fixture.sendFails = true
  expect((await call()).reply).toContain('the address could not be sent')
})

test('the paste is for the person, in the chat, that began it: everybody else is left with the hint', async () => {
  const { fixture, call, paste } = await chatLogin()
  await call()
  for (const other of [
    { person: { id: '2', name: 'Bob' } },
    { address: '2' },
    { channel: 'discord' },
    { chat: group },
    { role: 'user' },
    { role: null },
  ] as const) {
    expect(await paste({ ...other, platformMessageId: 'other' })).toBeNull()
  }
  expect(fixture.finished).toEqual([])
  expect(fixture.removals).toHaveLength(6)
  expect(await paste()).toBe('Signed in as ada@example.org.')
  expect(await paste({ text: ` /login@hermes_bot ${PASTE}` })).toContain('Signed in')
  expect(fixture.finished.map(([, text]) => text)).toEqual([PASTE, PASTE])
})

test('a message that cannot be removed at once is tried again, and given up in the end', async () => {
  const { fixture, clock, paste } = await chatLogin()
  fixture.removal = [false, new Error('reset'), true]
  await paste()
  await clock.advance(10 * MINUTE)
  expect(fixture.removals.map(([, at]) => at)).toEqual([0, SECOND, 6 * SECOND])
  fixture.removals = []
  fixture.removal = Array.from({ length: 10 }, () => false)
  await paste()
  await clock.advance(10 * MINUTE)
  expect(fixture.removals).toHaveLength(4)
})

test('where no bot can delete a message, the operator is asked to, and it is not tried again', async () => {
  const { fixture, clock, call, paste } = await chatLogin()
  await call()
  fixture.removal = ['never']
  expect(await paste()).toContain('Signed in')
  await clock.advance(10 * MINUTE)
  expect(fixture.removals).toHaveLength(1)
  expect(fixture.sent.at(-1)).toBe(`telegram 1: ${DEFAULT_TEXTS.login_delete_it}`)
})

test('an exchange that takes its time holds nobody up, and is told when it is done', async () => {
  const { fixture, clock, call, paste } = await chatLogin()
  await call()
  const done = Promise.withResolvers<{ account: string }>()
  fixture.finish = () => done.promise
  const reply = paste()
  await clock.advance(3 * SECOND)
  expect(await reply).toBe(DEFAULT_TEXTS.login_checking)
  done.resolve({ account: 'late@example.org' })
  await clock.advance(SECOND)
  expect(fixture.sent.at(-1)).toBe('telegram 1: Signed in as late@example.org.')
})

test.each([
  [new Refused('The code was refused.'), /failed: The code was refused\./],
  [new Error(`the disk says no to ${PASTE}`), /could not be stored here/],
])('what goes wrong is one sentence without anything of the paste (%#)', async (error, told) => {
  const { fixture, call, paste } = await chatLogin()
  await call()
  fixture.finish = async () => {
    throw error
  }
  const reply = await paste()
  expect(reply).toMatch(told)
  expect(reply + fixture.logged).not.toContain('TESTstate')
})

test('another account takes the place by /login replace, and only then', async () => {
  const { fixture, call, paste } = await chatLogin()
  await call()
  fixture.finish = async () => ({ conflict: 'This is another account.' })
  expect(await paste()).toBe('This is another account. To switch to it, send /login replace.')
  expect((await call({ rest: 'Replace' })).reply).toBe('Signed in as bob@example.org.')
  fixture.confirm = async () => {
    throw new Refused('There is nothing to confirm.')
  }
  expect((await call({ rest: 'replace' })).reply).toContain('nothing to confirm')
})

/** What a whole reception hands on as pastes. */
async function received(
  deliver: (fixture: MessageFixture) => Promise<unknown>,
  options: MessageFixtureOptions = {},
): Promise<{ pastes: Paste[]; texts: string[]; rows: number }> {
  const pastes: Paste[] = []
  const onPaste = async (paste: Paste) => {
    pastes.push(paste)
    return paste.role === 'operator' ? 'taken' : null
  }
  await using fixture = await MessageFixture.start({
    ...options,
    messaging: { onPaste, ...options.messaging },
  })
  await deliver(fixture)
  await fixture.rest()
  return { pastes, texts: fixture.sendChannel.texts('a'), rows: fixture.model.requests.length }
}

const unaddressed = { id: 'a', kind: 'group', addressed: false } as const
const SHORT_PAIR = 'CodeMirror#documentation'

test.each([
  ['an operator, whatever it is', 'operator', SHORT_PAIR, 1],
  ['anybody, a secret beyond doubt', 'somebody', PASTE, 1],
  ['anybody, a token', 'somebody', 'sk-ant-oat01-TESTTESTTEST', 1],
  ['anybody, what only looks like one', 'somebody', SHORT_PAIR, 0],
])('in a group where the bot is not spoken to: %s', async (_what, id, text, expected) => {
  const { pastes, texts, rows } = await received((fixture) =>
    fixture.messaging.receiver.receive(
      'chat',
      [fixture.message(text, { chat: unaddressed, person: { id, name: null } })],
      [],
    ),
  )
  expect(pastes).toHaveLength(expected)
  expect([texts, rows]).toEqual([[], 0])
})

test('a code that is edited into a message is taken as if it had been sent, and stored as little', async () => {
  const person = { id: 'operator', name: null }
  const chat = { id: 'a', kind: 'private', addressed: true } as const
  const { pastes, texts, rows } = await received(async (fixture) => {
    const edit = { kind: 'edit', address: 'a', platformMessageId: 'm1', person, chat, text: PASTE } as const
    await fixture.messaging.receiver.receive('chat', [edit], [])
    await fixture.messaging.receiver.receive('chat', [edit], [])
  })
  expect(pastes.map(({ platformMessageId, role }) => [platformMessageId, role])).toEqual([
    ['m1', 'operator'],
    ['m1', 'operator'],
  ])
  expect([texts, rows]).toEqual([['taken'], 0])
})

test('every paste of a flood is removed, with few replies', async () => {
  const { pastes, texts } = await received(
    async (fixture) => {
      for (let count = 0; count < 60; count++) await fixture.say('a', PASTE)
    },
    { messaging: { ratePerPerson: 5 } },
  )
  expect(pastes).toHaveLength(60)
  expect(texts.length).toBeLessThanOrEqual(20)
})
