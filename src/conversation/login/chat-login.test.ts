import { expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { DEFAULT_TEXTS, fillText } from '../../config/texts.ts'
import { MINUTE, SECOND } from '../../support/clock.ts'
import { Refused, TransientError } from '../../support/errors.ts'
import { createLog } from '../../support/log.ts'
import type { Command } from '../commands.ts'
import { createChatLogin, type ChatSignIn } from './chat-login.ts'
import type { Paste, SignInMessage } from './pasted-secrets.ts'

const URL_OF = (owner: string) => `https://claude.example/authorize?for=${encodeURIComponent(owner)}`
const PASTE = `TESTcode0123456789#${'TESTstate1'.repeat(4)}abc`
const KEY = 'sk-ant-api03-TESTkey0123456789'
const TERMS = fillText(DEFAULT_TEXTS, 'login_terms', { agree: 'I understand' })
const CHOICE = fillText(DEFAULT_TEXTS, 'login_choose', { key: 'New API key', subscription: 'Subscription' })

/** `/login` over a sign-in that the test decides on, and a platform in memory. */
async function chatLogin(facts = new Map<string, string>(), clock = new FakeClock()) {
  const fixture = {
    begun: 0,
    cancelled: 0,
    usesKey: false,
    finished: [] as Array<readonly [owner: string, paste: string]>,
    keys: [] as string[],
    finish: async (): ReturnType<ChatSignIn['finish']> => ({ account: 'ada@example.org' }),
    confirm: async (): ReturnType<ChatSignIn['confirm']> => ({ account: 'bob@example.org' }),
    useKey: async (): ReturnType<ChatSignIn['useKey']> => ({ fingerprint: '0123abcd', note: null }),
    sent: [] as string[],
    sendFails: false,
    removals: [] as Array<readonly [message: string, at: number]>,
    /** Whether the removals succeed, in order; then they do. */
    removal: [] as Array<boolean | 'never' | Error>,
    logged: '',
    openOnThePage: false,
  }
  const log = await createLog({
    level: 'trace',
    destination: { write: (line) => void (fixture.logged += line) },
  })
  const login = createChatLogin({
    signIn: {
      usesKey: () => fixture.usesKey,
      async begin(owner) {
        fixture.begun++
        return { url: URL_OF(owner), expiresAt: clock.now() + 10 * MINUTE }
      },
      finish(owner, paste) {
        fixture.finished.push([owner, paste])
        return fixture.finish()
      },
      confirm: () => fixture.confirm(),
      useKey(key) {
        fixture.keys.push(key)
        return fixture.useKey()
      },
      cancel: () => void fixture.cancelled++,
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
    facts: {
      get: async (key) => facts.get(key) ?? null,
      set: async (key, value) => void facts.set(key, value),
    },
    channels: new Set(['telegram']),
    openElsewhere: new Map([['web', () => fixture.openOnThePage]]),
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
  const message = {
    channel: 'telegram',
    person: { id: '1', name: 'Ada' },
    chat: { id: '1', kind: 'private', addressed: true },
    role: 'operator',
    text: PASTE,
  } as const
  const paste = (more: Partial<Paste> = {}) =>
    login.onPaste({ ...message, address: '1', platformMessageId: 'm1', ...more })
  const say = (text: string) => paste({ text })
  const expects = (more: Partial<SignInMessage> = {}) => login.expects({ ...message, command: null, ...more })
  /** To the point at which the code is waited for. */
  const begin = async () => {
    await call()
    return say('I understand')
  }
  return { fixture, clock, call, paste, say, expects, begin, facts }
}

const group = { id: 'g', kind: 'group', addressed: true } as const

test.each([
  ['somebody who is no operator', { role: 'user' }],
  ['an operator in a group', { chat: group }],
  ['an operator by mail', { channel: 'email' }],
  ['an operator on the page', { channel: 'web' }],
  ['an operator through /v1', { channel: 'openai' }],
] as const)('%s gets no address, and is asked nothing', async (_who, more) => {
  const { fixture, call, expects } = await chatLogin()
  for (const rest of ['', 'cancel', 'replace'])
    expect(await call({ ...more, rest })).toEqual({ effect: null, reply: DEFAULT_TEXTS.login_refused })
  expect([fixture.sent, fixture.begun, await expects(more)]).toEqual([[], 0, false])
})

test('before the address come the terms; it is then sent without being stored, with its time limit', async () => {
  const { fixture, call, say } = await chatLogin()
  expect((await call()).reply).toBe(TERMS)
  expect(await say('ok')).toBe(`${DEFAULT_TEXTS.login_not_kept} ${TERMS}`)
  expect([fixture.begun, fixture.sent]).toEqual([0, []])
  const reply = await say('"i understand."')
  expect(fixture.sent).toEqual([expect.stringMatching(/^telegram 1: [\s\S]*within 10 minutes:\nhttps:\S+$/)])
  expect(reply).toBe(DEFAULT_TEXTS.login_waiting)
  expect(reply).not.toContain('http')
  // Delivered again, the same address is sent again.
  await say('I understand')
  expect([fixture.begun, new Set(fixture.sent).size]).toEqual([1, 1])
  expect(fixture.removals).toEqual([])
})

test('an address that could not be sent is told, and can be asked for again', async () => {
  const { fixture, call, say } = await chatLogin()
  await call()
  fixture.sendFails = true
  expect(await say('I understand')).toContain('the address could not be sent')
  fixture.sendFails = false
  expect(await say('I understand')).toBe(DEFAULT_TEXTS.login_waiting)
  expect(fixture.begun).toBe(1)
})

test('where an API key is used, the first question is which way', async () => {
  const { fixture, call, say } = await chatLogin()
  fixture.usesKey = true
  expect((await call()).reply).toBe(CHOICE)
  expect(await say('yes')).toBe(`${DEFAULT_TEXTS.login_not_kept} ${CHOICE}`)
  expect(await say('Subscription')).toBe(TERMS)
  expect((await call()).reply).toBe(CHOICE)
  expect(await say('New API key')).toBe(DEFAULT_TEXTS.login_ask_key)
  expect(fixture.begun).toBe(0)
})

test('a key is checked, stored and deleted; what the provider refuses leaves the question open', async () => {
  const { fixture, call, say, expects } = await chatLogin()
  fixture.usesKey = true
  await call()
  await say('New API key')
  fixture.useKey = async () => {
    throw new Refused('The provider does not accept this key. Nothing was stored.')
  }
  expect(await say(`  ${KEY} `)).toMatch(/^The provider does not accept this key.*still open/)
  fixture.useKey = async () => {
    throw new TransientError('The provider cannot be asked right now. Nothing was stored.')
  }
  expect(await say(KEY)).toMatch(/cannot be asked right now.*still open/)
  expect(await say('what now?')).toContain(DEFAULT_TEXTS.login_ask_key)
  fixture.useKey = async () => ({ fingerprint: '0123abcd', note: 'It is stored, but .env still wins.' })
  const reply = await say(`my key: ${KEY}`)
  expect(reply).toMatch(/key 0123abcd.*\.env still wins/)
  expect(reply + fixture.logged).not.toContain('TESTkey')
  expect(fixture.keys).toEqual([KEY, KEY, KEY])
  expect(fixture.removals).toHaveLength(3)
  expect(await expects({ text: 'and a question' })).toBe(false)
})

test('an API key that is pasted instead of anything else is used as one', async () => {
  const { fixture, begin, say } = await chatLogin()
  await begin()
  expect(await say(KEY)).toContain('0123abcd')
  expect([fixture.keys, fixture.finished]).toEqual([[KEY], []])
})

test('from /login to its end everything but a command belongs to it, and nothing does afterwards', async () => {
  const { call, say, expects, begin } = await chatLogin()
  const half = { text: 'TESTcode0123456789' }
  const command = (name: string, rest = '') => expects({ text: `/${name} ${rest}`, command: { name, rest } })
  expect(await expects(half)).toBe(false)
  await call()
  for (const text of ['a question?', 'I understand', '', half.text, `two\nlines`])
    expect([text, await expects({ text })]).toEqual([text, true])
  expect([await command('status'), await command('login'), await command('login', 'cancel')]).toEqual([
    false,
    false,
    false,
  ])
  expect(await command('login', half.text)).toBe(true)
  expect((await call({ rest: 'cancel' })).reply).toBe(DEFAULT_TEXTS.login_cancelled)
  expect(await expects({ text: 'a question?' })).toBe(false)
  expect((await call({ rest: 'cancel' })).reply).toBe(DEFAULT_TEXTS.login_none)
  await begin()
  await say(PASTE)
  expect([await expects(half), await expects({ text: 'a question?' })]).toEqual([false, false])
})

test('a half after the time, after a restart or next to the page is turned away; a question is not', async () => {
  const { clock, begin, expects, paste, facts } = await chatLogin()
  const half = { text: 'TESTcode0123456789' }
  await begin()
  const restarted = await chatLogin(facts, clock)
  expect(await restarted.expects(half)).toBe(true)
  for (const open of [false, true]) {
    restarted.fixture.openOnThePage = open
    expect(await restarted.expects({ ...half, channel: 'web' })).toBe(open)
    expect(await restarted.expects({ text: 'a question?', channel: 'web' })).toBe(false)
  }
  expect(await restarted.expects({ text: 'a question?' })).toBe(false)
  expect(await expects({ text: 'a question?' })).toBe(true)
  await clock.advance(10 * MINUTE)
  expect(await expects(half)).toBe(true)
  expect(await expects({ text: 'a question?' })).toBe(false)
  expect(await paste(half)).toBe(DEFAULT_TEXTS.login_over)
  expect(await restarted.paste()).toBe(DEFAULT_TEXTS.login_over)
  await clock.advance(10 * MINUTE)
  expect(await expects(half)).toBe(false)
  expect(JSON.stringify([...facts])).not.toContain('TEST')
})

test('the paste is for the person, in the chat, that began it: everybody else is left with the hint', async () => {
  const { fixture, begin, paste, expects } = await chatLogin()
  await begin()
  for (const other of [
    { person: { id: '2', name: 'Bob' } },
    { chat: { id: '2', kind: 'private', addressed: true } },
    { channel: 'discord' },
    { chat: group },
    { role: 'user' },
    { role: null },
  ] as const) {
    expect(await paste({ ...other, platformMessageId: 'other' })).toBeNull()
    expect(await expects({ ...other, text: 'a question' })).toBe(false)
  }
  expect(fixture.finished).toEqual([])
  expect(fixture.removals).toHaveLength(6)
  // A thread of the same private chat is the same chat.
  expect(await paste({ address: '1:77' })).toBe('Signed in as ada@example.org.')
  await begin()
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
  const { fixture, clock, begin, paste } = await chatLogin()
  await begin()
  fixture.removal = ['never']
  expect(await paste()).toContain('Signed in')
  await clock.advance(10 * MINUTE)
  expect(fixture.removals).toHaveLength(1)
  expect(fixture.sent.at(-1)).toBe(`telegram 1: ${DEFAULT_TEXTS.login_delete_it}`)
})

test('an exchange that takes its time holds nobody up, and is told when it is done', async () => {
  const { fixture, clock, begin, paste } = await chatLogin()
  await begin()
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
  [new Refused('Only half of the code was pasted.'), /^Only half of the code was pasted\. .*still open/],
  [new Error(`the disk says no to ${PASTE}`), /could not be stored here/],
])('what goes wrong is one sentence without anything of the paste (%#)', async (error, told) => {
  const { fixture, begin, paste } = await chatLogin()
  await begin()
  fixture.finish = async () => {
    throw error
  }
  const reply = await paste()
  expect(reply).toMatch(told)
  expect(reply + fixture.logged).not.toContain('TESTstate')
})

test('a slip is told and changes nothing; what is only words is not deleted', async () => {
  const { fixture, begin, say, paste } = await chatLogin()
  await begin()
  fixture.finish = async () => {
    throw new Refused('There is no code in what was pasted.')
  }
  for (let slip = 0; slip < 20; slip++) expect(await say('is that the right page?')).toContain('still open')
  expect(fixture.removals).toEqual([])
  expect(await say('TESTco0123')).toContain('still open')
  expect(fixture.removals).toHaveLength(1)
  fixture.finish = async () => ({ account: 'ada@example.org' })
  expect(await paste()).toBe('Signed in as ada@example.org.')
})

test('another account takes the place by /login replace, and only then', async () => {
  const { fixture, begin, call, paste } = await chatLogin()
  await begin()
  fixture.finish = async () => ({ conflict: 'This is another account.' })
  expect(await paste()).toBe('This is another account. To switch to it, send /login replace.')
  expect((await call({ rest: 'Replace' })).reply).toBe('Signed in as bob@example.org.')
  fixture.confirm = async () => {
    throw new Refused('There is nothing to confirm.')
  }
  expect((await call({ rest: 'replace' })).reply).toContain('nothing to confirm')
})
