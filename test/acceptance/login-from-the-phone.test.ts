import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { filesOf, leaks, processOf, type Place } from '../support/canary-search.ts'
import { BotFixture } from '../support/processes/bot-fixture.ts'

const STORY = { timeout: 180_000 } as const
const OPERATOR = 900
const PEOPLE = [1_001, 1_002, 1_003]
const HELD = "I can't reach Claude right now. Your message is saved, and I'll answer it as soon as I'm back."

test(
  'an outage is told in the operator’s chat, ended from there by /login, and everything held is answered',
  STORY,
  async () => {
    await using fixture = await BotFixture.start({
      apiKey: false,
      start: false,
      config: {
        gateway: { log_level: 'trace', operators: [`telegram:${OPERATOR}`] },
      },
    })
    const { telegram, sandbox, gateway } = fixture
    const operator = { chats: () => fixture.shown(OPERATOR).join('\n') }
    telegram.chats.openChat(OPERATOR)
    const first = await fixture.signedIn({ tokenLifetimeSeconds: 28_800 })
    await gateway.start()
    for (const person of PEOPLE) telegram.say(person, `good morning of ${person}`)
    await fixture.until(
      () => PEOPLE.every((person) => fixture.shown(person).length === 1),
      'the first answers',
    )

    sandbox.control.revoke()
    for (const person of PEOPLE) telegram.say(person, `question of ${person}`)
    await fixture.untilState('needs-login')
    await fixture.until(() => PEOPLE.every((person) => fixture.shown(person).includes(HELD)), 'the notices')
    await fixture.until(() => operator.chats().includes('Send /login here'), 'the alert')
    expect(operator.chats()).toMatch(/Down since \d\d:\d\d UTC: the sign-in was revoked/)
    expect(operator.chats()).not.toContain('http')

    telegram.say(OPERATOR, '/login')
    await fixture.until(() => operator.chats().includes('Reply "I understand"'), 'the terms')
    telegram.say(OPERATOR, 'I understand')
    const url = await fixture.until(() => /http\S+state=[\w-]{43}/.exec(operator.chats())?.[0], 'the address')
    expect(operator.chats()).toMatch(/within 10 minutes/)
    const paste = sandbox.authorize(url)
    const exchanges = sandbox.counts.tokenRequests
    // The platform is busy just when the code has to go.
    telegram.fail('deleteMessage', { kind: 'error', code: 500, description: 'Internal Server Error' })
    const pasted = telegram.say(OPERATOR, paste)
    await fixture.until(
      () => operator.chats().includes('Signed in as operator@sandbox.example'),
      'the account',
    )
    await fixture.until(
      () =>
        PEOPLE.every((person) =>
          fixture.shown(person).some((text) => text.includes(`Echo: question of ${person}`)),
        ),
      'the held messages',
    )
    await fixture.untilState('ready')
    const deletions = () => telegram.callsOf('deleteMessage').map(({ payload }) => payload)
    await fixture.until(() => deletions().length >= 2, 'the removal of the code')
    expect(deletions().at(-1)).toEqual({ chat_id: OPERATOR, message_id: pasted })
    expect(sandbox.counts.tokenRequests).toBe(exchanges + 1)
    await fixture.until(() => operator.chats().includes('Back online'), 'the end of it')
    await fixture.until(
      () => operator.chats().includes('Signed in as operator@sandbox.example (changed from '),
      'the word about it',
    )
    // A late copy of the code is a message of nobody's: used up, deleted, unanswered but for a hint.
    const again = telegram.say(OPERATOR, paste)
    await fixture.until(() => operator.chats().includes('did not keep it'), 'the hint')
    await fixture.until(
      () => deletions().some(({ message_id }) => message_id === again),
      'the second removal',
    )
    expect(sandbox.counts.tokenRequests).toBe(exchanges + 1)

    // Another account asks first, and takes the place by a word.
    telegram.say(OPERATOR, '/login')
    telegram.say(OPERATOR, 'I understand')
    const addresses = () => [...operator.chats().matchAll(/http\S+state=[\w-]{43}/g)].map(([found]) => found)
    await fixture.until(() => addresses().length === 2, 'another address')
    const otherPaste = sandbox.authorize(addresses()[1]!, {
      accountId: 'other-TEST',
      email: 'other@sandbox.example',
    })
    const before = readFileSync(join(gateway.home, 'credentials.json'), 'utf8')
    telegram.say(OPERATOR, otherPaste)
    await fixture.until(() => /another account.*send \/login replace/.test(operator.chats()), 'the question')
    expect(readFileSync(join(gateway.home, 'credentials.json'), 'utf8')).toBe(before)
    telegram.say(OPERATOR, '/login replace')
    await fixture.until(
      () => operator.chats().includes('Signed in as other@sandbox.example'),
      'the other account',
    )
    await fixture.until(
      () => operator.chats().includes('Signed in as other@sandbox.example (changed from '),
      'its alert',
    )

    // A sign-in from a terminal in between leaves nothing either.
    const login = await fixture.login()
    expect(login.code).toBe(1)
    const places: Place[] = [
      ...processOf(gateway.pid),
      { name: 'the login command', bytes: (login.stdout + login.stderr).replace(login.url, '') },
    ]
    for (const path of ['/api/status', '/api/queue', '/api/incidents', '/metrics', '/readyz']) {
      places.push({ name: path, bytes: await (await gateway.fetch(path)).text() })
    }
    for (const args of [
      ['status', '--json'],
      ['auth', 'sources', '--json'],
      ['data', 'export', 'telegram', String(OPERATOR)],
    ]) {
      const { stdout, stderr } = await gateway.run(args)
      places.push({ name: args.join(' '), bytes: stdout + stderr })
    }
    places.push(...filesOf(gateway.home))
    await gateway.kill('SIGTERM')
    places.push(...filesOf(gateway.home))
    places.push({ name: 'the log', bytes: gateway.stdout + gateway.stderr })
    const unaddressed = telegram.chats.sent.map(({ text }) => text.replaceAll(/http\S+/g, ''))
    places.push({ name: 'the chats', bytes: unaddressed.join('\n') })
    places.push({
      name: 'what the model is shown',
      bytes: JSON.stringify(sandbox.requests.map(({ messages }) => messages)),
    })
    const stored = readFileSync(join(gateway.home, 'credentials.json'), 'utf8')
    const tokens = [...stored.matchAll(/sk-ant-[\w-]{20,}/g)].map(([found]) =>
      found.replace(/^sk-ant-\w+-/, ''),
    )
    expect(tokens.length).toBeGreaterThanOrEqual(4)
    const codes = [paste, otherPaste, login.paste].flatMap((each) => each.split('#'))
    const challenges = [...addresses(), login.url].map((each) =>
      new URL(each).searchParams.get('code_challenge')!,
    )
    const own = [first.accessToken, first.refreshToken].map((token) => token.replace(/^sk-ant-\w+-/, ''))
    expect(leaks(places, [...codes, ...challenges, ...tokens, ...own])).toEqual([])
    // The search can find what is there.
    expect(leaks(places, ['question of 1001'])).not.toEqual([])
  },
)
