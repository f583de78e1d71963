import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { filesOf, leaks } from '../support/canary-search.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { PostReceiver } from '../support/provider/alert-receivers.ts'

const ALICE = 901
const BOB = 902
const STRANGER = 555
const USER = 501
const GROUP = -100_777

test(
  'wrong, halved, foreign, used, in a group, or by somebody else: refused, deleted, and nobody is asked',
  PROCESS_TEST,
  async () => {
    await using receiver = await PostReceiver.start()
    await using fixture = await BotFixture.start({
      apiKey: false,
      env: { TELEGRAM_ALLOWED_USERS: String(USER) },
      config: {
        gateway: { operators: [`telegram:${ALICE}`, `telegram:${BOB}`], log_level: 'trace' },
        alerts: [{ type: 'webhook', url: receiver.url, secret: 'canary-TEST-webhook' }],
      },
    })
    const { telegram, sandbox, gateway } = fixture
    const addresses = (chat: number) =>
      fixture
        .shown(chat)
        .flatMap((text) => [...text.matchAll(/http\S+state=[\w-]{43}/g)].map(([found]) => found))
    const begin = async (person: number) => {
      const known = addresses(person).length
      telegram.say(person, '/login')
      telegram.say(person, 'I understand')
      return await fixture.until(() => addresses(person)[known], `an address for ${person}`)
    }
    const pastes: string[] = []
    /** Pastes, and waits until the message is deleted. @returns what the bot says to it */
    const paste = async (chat: number, text: string, from = chat, more: object = {}) => {
      pastes.push(text)
      const heard = fixture.shown(chat).length
      const id = telegram.say(chat, text, { from: { id: from }, message: more as Record<string, unknown> })
      await fixture.until(
        () =>
          telegram
            .callsOf('deleteMessage')
            .some(({ payload }) => payload.chat_id === chat && payload.message_id === id),
        `the removal of ${text}`,
      )
      await fixture.until(() => telegram.unconfirmed === 0, 'the confirmation')
      return () => fixture.shown(chat).slice(heard).join('\n')
    }

    const forAlice = await begin(ALICE)
    const forBob = await begin(BOB)
    expect(forAlice).not.toBe(forBob)
    const codeOfAlice = sandbox.authorize(forAlice)
    const [code, state] = codeOfAlice.split('#') as [string, string]

    const says = async (reply: Promise<() => string>, sentence: RegExp) => {
      const text = await reply
      await fixture.until(() => sentence.test(text()), `${String(sentence)} in ${text()}`)
    }
    await says(paste(ALICE, `${code}#${'w1'.repeat(22)}`), /another sign-in/)
    await says(paste(ALICE, `https://platform.claude.com/oauth/code/callback?code=${code}`), /Only half/)
    await says(paste(BOB, codeOfAlice), /another sign-in/)
    await says(paste(USER, codeOfAlice), /did not keep it/)
    await says(paste(STRANGER, codeOfAlice), /did not keep it/)
    await paste(GROUP, codeOfAlice, ALICE)
    await paste(GROUP, codeOfAlice, STRANGER)
    const edited = telegram.say(USER, 'soon')
    telegram.change(USER, edited, `${code}#${state}`)
    await fixture.until(
      () =>
        telegram
          .callsOf('deleteMessage')
          .some(({ payload }) => payload.chat_id === USER && payload.message_id === edited),
      'the removal of the edited message',
    )
    expect(sandbox.counts.tokenRequests).toBe(0)
    // In a group, and for anybody who is no operator, there is not even a link.
    telegram.say(GROUP, '/login', { from: { id: ALICE } })
    telegram.say(USER, '/login')
    await fixture.until(
      () => fixture.shown(GROUP).length > 0 && fixture.shown(USER).at(-1)!.includes('Only an operator'),
      'the refusals',
    )
    expect(fixture.shown(GROUP).join('\n')).toMatch(
      /^Only an operator can sign in, and only in a private chat\.$/,
    )
    expect([...addresses(USER), ...addresses(GROUP)]).toEqual([])

    // Both of the parallel ones still work, each for its own person.
    const bobs = sandbox.authorize(forBob, { accountId: 'account-TEST', email: 'bob@sandbox.example' })
    await says(paste(BOB, bobs), /Signed in as bob@sandbox\.example/)
    await says(paste(ALICE, `/login ${codeOfAlice}`), /another account \(operator@sandbox\.example\)/)
    expect(sandbox.counts.tokenRequests).toBe(2)
    await says(paste(BOB, bobs), /did not keep it/)
    const alerts = () => receiver.posts.map(({ body }) => (JSON.parse(body) as { event: string }).event)
    await fixture.until(() => alerts().includes('signin.changed'), 'the alert of the change')
    await says(paste(ALICE, codeOfAlice), /used already/)
    expect(sandbox.counts.tokenRequests).toBe(2)

    // Killed between taking the paste and telling the platform: it comes again, and is still nobody's message.
    const forBobAgain = await begin(BOB)
    const last = sandbox.authorize(forBobAgain, { accountId: 'account-TEST', email: 'bob@sandbox.example' })
    sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', delayMs: 2_000 })
    pastes.push(last)
    telegram.say(BOB, last)
    await fixture.until(() => sandbox.state().faults[0]?.struck === 1, 'the exchange')
    await gateway.kill('SIGKILL')
    expect(telegram.unconfirmed).toBeGreaterThan(0)
    await gateway.start()
    await fixture.until(() => telegram.unconfirmed === 0, 'the second delivery')
    await fixture.until(() => fixture.shown(BOB).at(-1)!.includes('did not keep it'), 'the hint')

    const places = [
      ...filesOf(gateway.home),
      { name: 'the log', bytes: gateway.stdout + gateway.stderr },
      {
        name: 'the chats',
        bytes: telegram.chats.sent.map(({ text }) => text.replaceAll(/http\S+/g, '')).join('\n'),
      },
      { name: 'the alerts', bytes: receiver.posts.map(({ body }) => body).join('\n') },
      { name: 'the model', bytes: JSON.stringify(sandbox.requests.map(({ messages }) => messages)) },
    ]
    const secrets = [codeOfAlice, bobs, last].flatMap((each) => each.split('#'))
    expect(leaks(places, secrets)).toEqual([])
    await gateway.kill('SIGTERM')
    expect(leaks(filesOf(gateway.home), secrets)).toEqual([])
    expect(gateway.stored().filter(({ text }) => pastes.includes(text))).toEqual([])
  },
)
