import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { badGateway } from '../support/platforms/telegram/telegram-server.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import {
  answeredOf,
  crowdOf,
  everybodyAnswered,
  everybodySays,
  everythingAccepted,
  foreignTexts,
  inOrder,
  noticesOf,
  OPERATOR,
  type Crowd,
} from '../support/processes/outage-crowd.ts'
import { PostReceiver } from '../support/provider/alert-receivers.ts'

const WEBHOOK_SECRET = `whsec_${Buffer.from('TEST secret of 24 bytes!').toString('base64')}`
const OPTIONS = {
  apiKey: false,
  start: false,
  env: { TELEGRAM_HOME_CHANNEL: String(OPERATOR) },
  config: { gateway: { hold: { merge: false } } },
} as const

/** Three people, signed in, each answered once. */
async function running(fixture: BotFixture): Promise<Crowd> {
  const crowd = crowdOf(3)
  await fixture.signedIn({ tokenLifetimeSeconds: 28_800 })
  await fixture.gateway.start()
  everybodySays(fixture, crowd, 1)
  await everybodyAnswered(fixture, crowd)
  return crowd
}

async function everythingIsWell(fixture: BotFixture, crowd: Crowd): Promise<void> {
  await everybodyAnswered(fixture, crowd)
  await fixture.untilState('ready')
  for (const person of crowd.people) expect(answeredOf(fixture, person)).toEqual(inOrder(crowd.said))
  expect(foreignTexts(fixture, crowd)).toEqual([])
}

const alertsOf = (fixture: BotFixture) => fixture.shown(OPERATOR)

describe.concurrent('an outage', () => {
  test(
    'of the token endpoint, for a while, ends automatically: one alert that says so, one closing message',
    PROCESS_TEST,
    async () => {
      await using fixture = await BotFixture.start(OPTIONS)
      const crowd = await running(fixture)
      const { sandbox } = fixture
      const fault = sandbox.control.fault({ target: 'token-endpoint', fault: '500' })
      sandbox.control.expire()
      everybodySays(fixture, crowd, 2)
      await fixture.untilState('degraded')
      await fixture.until(() => alertsOf(fixture).length === 1, 'the alert')
      await fixture.until(() => fault.struck >= 2, 'the second try')
      fault.clear()
      await everythingIsWell(fixture, crowd)
      await fixture.until(() => alertsOf(fixture).length === 2, 'the closing message')
      expect(alertsOf(fixture)[0]).toMatch(/^Down since .*retrying automatically/s)
      expect(alertsOf(fixture)[1]).toMatch(/^Back online/)
      for (const person of crowd.people) expect(noticesOf(fixture, person).length).toBeLessThanOrEqual(1)
      // Nine messages and three chats, but one try a step of the back-off.
      expect(sandbox.counts.tokenRequests).toBeLessThanOrEqual(5)
      expect(sandbox.counts.replays).toBe(0)
    },
  )

  test(
    'by a usage limit is announced with its end, ends automatically, and alerts no operator',
    PROCESS_TEST,
    async () => {
      await using fixture = await BotFixture.start(OPTIONS)
      const crowd = await running(fixture)
      const { sandbox } = fixture
      const fault = sandbox.control.fault({ target: 'messages', fault: 'usage-limit', resetInMs: 60_000 })
      everybodySays(fixture, crowd, 2)
      await fixture.untilState('usage-limited')
      await everythingAccepted(fixture)
      await fixture.until(
        () => crowd.people.every((person) => noticesOf(fixture, person).length === 1),
        'the notices',
      )
      const asked = fault.struck
      for (const person of crowd.people) {
        expect(noticesOf(fixture, person)[0]).toMatch(
          /^I've reached my usage limit until \d\d:\d\d UTC\. Your message is saved, and I'll answer it then\.$/,
        )
      }
      await everythingIsWell(fixture, crowd)
      // Requests that were on their way when the first was refused; none while the end is known.
      expect(fault.struck).toBe(asked)
      expect(asked).toBeLessThanOrEqual(crowd.people.length)
      expect(alertsOf(fixture)).toEqual([])
      expect(sandbox.counts.tokenRequests).toBe(0)
    },
  )

  test(
    'by an organisation that does not permit it has its own words, costs no refresh, and ends by an API key',
    PROCESS_TEST,
    async () => {
      await using fixture = await BotFixture.start(OPTIONS)
      const crowd = await running(fixture)
      const { sandbox, gateway } = fixture
      sandbox.control.fault({ target: 'messages', fault: 'org-not-allowed', credential: 'oauth' })
      everybodySays(fixture, crowd, 2)
      await fixture.untilState('not-permitted')
      await fixture.until(() => alertsOf(fixture).length === 1, 'the alert')
      expect(alertsOf(fixture)[0]).toMatch(
        /^Down since \d\d:\d\d UTC: Anthropic rejects this kind of sign-in .*organization/,
      )
      expect(alertsOf(fixture)[0]).toContain('hermes auth login --api-key')
      expect(sandbox.counts.tokenRequests).toBe(0)
      const login = await gateway.run(['auth', 'login', '--api-key'], `${sandbox.apiKey()}\n`)
      expect(login.stderr).toBe('')
      expect(login.code).toBe(0)
      await everythingIsWell(fixture, crowd)
      await fixture.until(
        () => alertsOf(fixture).some((text) => text.startsWith('Back online')),
        'the closing message',
      )
      expect(alertsOf(fixture)).toHaveLength(3)
      expect(sandbox.counts.tokenRequests).toBe(0)
    },
  )

  test(
    'is told through the next route when the first one is down, signed so that anybody can verify it',
    PROCESS_TEST,
    async () => {
      await using receiver = await PostReceiver.start()
      await using fixture = await BotFixture.start({
        ...OPTIONS,
        config: {
          ...OPTIONS.config,
          alerts: [
            { type: 'telegram', chat: String(OPERATOR) },
            { type: 'webhook', url: `${receiver.url}/hook`, secret: WEBHOOK_SECRET },
          ],
        },
      })
      const crowd = await running(fixture)
      const { telegram, sandbox } = fixture
      telegram.fail('sendMessage', badGateway, 100_000)
      sandbox.control.revoke()
      everybodySays(fixture, crowd, 2)
      await fixture.untilState('needs-login')
      await fixture.until(() => receiver.posts.length === 1, 'the alert')
      const [post] = receiver.posts
      const body = new Webhook(WEBHOOK_SECRET).verify(post!.body, post!.headers)
      expect(body).toMatchObject({
        event: 'incident.opened',
        id: post!.headers['webhook-id'],
        text: expect.stringMatching(/^Down since \d\d:\d\d UTC: the sign-in was revoked/),
        incident: { status: 'needs-login' },
      })
      const { alerts } = await fixture.gateway.json<{ alerts: Array<{ route: string; working: boolean }> }>(
        '/api/status',
      )
      expect(alerts.map(({ working }) => working)).toEqual([false, true])

      telegram.restore()
      expect((await fixture.login()).code).toBe(0)
      await everythingIsWell(fixture, crowd)
      await fixture.until(
        () => alertsOf(fixture).some((text) => text.startsWith('Back online')),
        'the closing message',
      )
      // The first route works again and is used again; each event went one way only.
      expect(receiver.posts.map(({ body }) => (JSON.parse(body) as { event: string }).event)).not.toContain(
        'incident.closed',
      )
    },
  )
})
