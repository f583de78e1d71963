import { describe, expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { storedSignIns } from '../support/processes/login-command.ts'

const ADA = 501
/** Longer than everything else here takes, and shorter than the limit of a refresh. */
const HANG_MS = 12_000
const TAKE_OVER_MS = 5_000

/** A gateway in which a question waits for a refresh that hangs. */
async function hanging(): Promise<{ fixture: BotFixture; untilLate: () => Promise<unknown> }> {
  const fixture = await BotFixture.start({ apiKey: false, start: false })
  const { sandbox, gateway, telegram } = fixture
  await fixture.signedIn({ tokenLifetimeSeconds: 28_800 })
  await gateway.start()
  const fault = { target: 'token-endpoint', fault: 'slow', delayMs: HANG_MS, grant: 'refresh_token' } as const
  const slow = sandbox.control.fault({ ...fault, times: 1 })
  sandbox.control.expire()
  telegram.say(ADA, 'question')
  await fixture.until(() => slow.struck === 1, 'the refresh')
  const at = performance.now()
  return {
    fixture,
    untilLate: () => fixture.until(() => performance.now() - at > HANG_MS + 1_000, 'the late answer'),
  }
}

interface CredentialView {
  readonly credential: { readonly state: string; readonly fingerprint: string | null }
}

describe.concurrent('while a refresh hangs in the running gateway', () => {
  test(
    'a sign-in is stored and answers at once, and the late result changes nothing',
    PROCESS_TEST,
    async () => {
      const { fixture, untilLate } = await hanging()
      await using _ = fixture
      const { gateway, sandbox } = fixture
      const login = await fixture.login()
      expect(login).toMatchObject({ code: 0, stderr: '' })
      await fixture.until(
        () => fixture.shown(ADA).some((text) => text.includes('Echo: question')),
        'the answer',
        TAKE_OVER_MS,
      )
      const stored = storedSignIns(gateway.home)
      const { credential } = await gateway.json<CredentialView>('/api/status')
      await untilLate()
      expect(storedSignIns(gateway.home)).toBe(stored)
      expect((await gateway.json<CredentialView>('/api/status')).credential).toMatchObject({
        state: 'healthy',
        fingerprint: credential.fingerprint,
      })
      // The refresh that hung and the exchange of the code.
      expect(sandbox.counts.tokenRequests).toBe(2)
    },
  )

  test('a logout stays one', PROCESS_TEST, async () => {
    const { fixture, untilLate } = await hanging()
    await using _ = fixture
    const { gateway } = fixture
    expect((await gateway.run(['auth', 'logout'])).code).toBe(0)
    expect(storedSignIns(gateway.home)).not.toContain('sk-ant-')
    await untilLate()
    await fixture.untilState('needs-login', TAKE_OVER_MS)
    expect(storedSignIns(gateway.home)).not.toContain('sk-ant-')
  })
})
