import { describe, expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { BotFixture, type BotOptions } from '../support/processes/bot-fixture.ts'
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
} from '../support/processes/outage-crowd.ts'
import { randomOfThisTest } from '../support/test-chance.ts'
import { pause } from '../support/until.ts'

/** A whole outage with three more starts, on a machine that may be busy. */
const STORY = { timeout: 360_000 } as const
const PEOPLE = 20
/** A third of it passes before the first refresh; all of it before the outage begins. */
const SHORT_TOKEN_SECONDS = 20
const HELD = "I can't reach Claude right now. Your message is saved, and I'll answer it as soon as I'm back."

function story(merge: boolean, options: Partial<BotOptions> = {}): BotOptions {
  return {
    apiKey: false,
    start: false,
    env: { TELEGRAM_HOME_CHANNEL: String(OPERATOR) },
    config: { gateway: { hold: { merge }, drain_rate: 100 } },
    ...options,
  }
}

describe.concurrent('a sign-in that cannot be renewed any more', () => {
  test.for([
    { merge: false, ends: 'by its time' },
    { merge: true, ends: 'before its time' },
  ])(
    'is announced once and ended by a new one: 500 messages in 20 chats, two restarts and a kill -9 later all are answered in order (merge: $merge, ended $ends)',
    STORY,
    async ({ merge, ends }) => {
      const random = randomOfThisTest()
      await using fixture = await BotFixture.start(story(merge))
      const { sandbox, gateway } = fixture
      const crowd = crowdOf(PEOPLE)
      sandbox.control.fault({ target: 'token-endpoint', fault: 'invalid-grant', grant: 'refresh_token' })
      // Eight hours, made short; the refresh is broken from the beginning.
      await fixture.signedIn({ tokenLifetimeSeconds: ends === 'by its time' ? SHORT_TOKEN_SECONDS : 28_800 })
      await gateway.start()
      everybodySays(fixture, crowd, 1)
      await everybodyAnswered(fixture, crowd)
      if (ends !== 'by its time') {
        sandbox.control.expire()
        everybodySays(fixture, crowd, 1)
      }
      await fixture.untilState('needs-login')
      expect(sandbox.counts.tokenRequests).toBe(1)

      while (crowd.said < 6) everybodySays(fixture, crowd, 1)
      await everythingAccepted(fixture)
      // A notice that is on its way at the kill may be seen twice: the platform has no means against it.
      await fixture.until(
        () => crowd.people.every((person) => noticesOf(fixture, person).length > 0),
        'the notices',
      )
      await gateway.restart('SIGTERM')
      everybodySays(fixture, crowd, 7)
      // Some are stored, some are not: the kill comes in their middle.
      await pause(random() * 60)
      await gateway.restart('SIGKILL')
      everybodySays(fixture, crowd, 6)
      await everythingAccepted(fixture)
      await gateway.restart('SIGTERM')
      everybodySays(fixture, crowd, 7)
      await everythingAccepted(fixture)
      expect((await gateway.readiness()).state).toBe('needs-login')
      const outage = await fixture.status()
      expect(outage.incident).toMatchObject({ status: 'needs-login', alerted: true })
      expect(crowd.said).toBe(26)

      // Nobody asks again while the answer is known.
      expect(sandbox.counts.tokenRequests).toBe(1)
      const asked = sandbox.counts.messageRequests
      const login = await fixture.login()
      expect(login.stderr).toBe('')
      expect(login.code).toBe(0)
      expect(asked).toBeLessThanOrEqual(PEOPLE * 2)
      await fixture.untilState('ready', 30_000)
      await everybodyAnswered(fixture, crowd)
      await fixture.until(
        () => fixture.shown(OPERATOR).some((text) => text.startsWith('Back online')),
        'the end',
      )

      for (const person of crowd.people) {
        expect(answeredOf(fixture, person)).toEqual(inOrder(26))
        expect(noticesOf(fixture, person)).toEqual([HELD])
      }
      expect(foreignTexts(fixture, crowd)).toEqual([])
      // One alert, one word about who signed in, one closing message with the counts.
      const told = fixture.shown(OPERATOR)
      // While the token still lives, its end is announced; nobody has to wait yet.
      const early = ends === 'by its time' ? told.splice(0, 1) : []
      expect(early.every((text) => text.startsWith('OAuth token detected without refresh credentials'))).toBe(
        true,
      )
      const [alert, ...rest] = told
      expect(alert).toMatch(/^Down since \d\d:\d\d UTC: the sign-in (?:was revoked|has expired)/)
      expect(alert).toContain('hermes auth login --headless')
      expect(rest).toHaveLength(2)
      expect(rest.filter((text) => text.startsWith('Signed in as'))).toHaveLength(1)
      expect(rest.filter((text) => text.startsWith('Back online'))).toHaveLength(1)
      // One refresh that was refused, one exchange of a code.
      expect(sandbox.counts).toMatchObject({ tokenRequests: 2, replays: 0, invalidGrants: 1 })
      const turns = sandbox.requests.filter(({ status }) => status === 200)
      // Each message of its own, or what one person said in the outage together.
      const most = merge ? PEOPLE * 10 : PEOPLE * 26
      const least = merge ? PEOPLE * 2 : PEOPLE * 26
      expect(turns.length).toBeLessThanOrEqual(most)
      expect(turns.length).toBeGreaterThanOrEqual(least)
    },
  )

  test.for([{ merge: false }, { merge: true }])(
    'is followed by a recovery that survives kills in its middle (merge: $merge)',
    STORY,
    async ({ merge }) => {
      const random = randomOfThisTest()
      await using fixture = await BotFixture.start(story(merge))
      const { sandbox, gateway } = fixture
      const crowd = crowdOf(6)
      sandbox.control.answer({ delayMs: 150 })
      await fixture.signedIn({ tokenLifetimeSeconds: 28_800 })
      await gateway.start()
      everybodySays(fixture, crowd, 1)
      await everybodyAnswered(fixture, crowd)
      sandbox.control.revoke()
      everybodySays(fixture, crowd, 8)
      await fixture.untilState('needs-login')
      await everythingAccepted(fixture)
      // What a turn returned to the queue in that moment is held a few seconds later.
      const toldAll = () => crowd.people.every((person) => noticesOf(fixture, person).length > 0)
      await fixture.until(toldAll, 'everybody to be told')
      expect((await fixture.login()).code).toBe(0)
      for (let kill = 0; kill < 3; kill++) {
        const answered = sandbox.counts.messages
        // What was held and merged may all have been answered by now.
        everybodySays(fixture, crowd, 1)
        await fixture.until(() => sandbox.counts.messages > answered, 'the next answers')
        // Anywhere in the recovery: the seed says where.
        await pause(50 + random() * 250)
        await gateway.restart('SIGKILL')
      }
      await everybodyAnswered(fixture, crowd)
      for (const person of crowd.people) {
        const answers = answeredOf(fixture, person)
        // A part sent but not recorded may appear twice; nothing is out of order.
        expect([...new Set(answers)]).toEqual(inOrder(12))
        expect(noticesOf(fixture, person)).toEqual([HELD])
      }
      expect(sandbox.counts).toMatchObject({ replays: 0 })
      await fixture.until(
        () => fixture.shown(OPERATOR).some((text) => text.startsWith('Back online')),
        'the end',
      )
      expect(fixture.shown(OPERATOR).filter((text) => text.startsWith('Down since'))).toHaveLength(1)
      // Told, then written down: a kill in between tells it once more rather than never.
      const ends = fixture.shown(OPERATOR).filter((text) => text.startsWith('Back online'))
      expect(ends.length).toBeLessThanOrEqual(2)
    },
  )
})
