import { expect, it } from 'vitest'
import { HOUR } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { CredentialFixture } from '../support/provider/credential-fixture.ts'

it(
  'makes one token request for a thousand requests at the moment of expiry, and none fails',
  { timeout: 120_000 },
  async () => {
    const clock = new FakeClock()
    const gateway = await CredentialFixture.start({
      clock,
      sandbox: { keepRequests: 0, answer: { style: 'echo' } },
    })
    clock.jump(8 * HOUR)
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, index) => gateway.ask(`message ${index}`)),
    )
    expect(answers).toHaveLength(1_000)
    expect(gateway.tokenRequests).toBe(1)
    expect(gateway.sandbox.counts).toMatchObject({ messages: 1_000, rejections: 0 })
  },
)
