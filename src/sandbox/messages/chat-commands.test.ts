import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { say, useSandbox } from '../../../test/support/provider/sandbox-client.ts'

describe('the commands of the chat', () => {
  it('lists every command', async () => {
    const sandbox = await useSandbox()
    const { text } = await say(sandbox, '!help')
    for (const command of [
      '!expire',
      '!revoke',
      '!break',
      '!slow',
      '!limit',
      '!repair',
      '!long',
      '!markdown',
      '!tool',
      '!tools',
      '!pause',
      '!think',
      '!refuse',
      '!cut',
    ]) {
      expect(text).toContain(command)
    }
  })

  it('expires and revokes from the next message on', async () => {
    const sandbox = await useSandbox()
    const first = sandbox.signIn()
    expect(await say(sandbox, '!expire', first.accessToken)).toMatchObject({ status: 200 })
    expect((await say(sandbox, 'hello', first.accessToken)).status).toBe(401)
    const second = sandbox.signIn()
    expect(await say(sandbox, '!revoke', second.accessToken)).toMatchObject({ status: 200 })
    expect((await say(sandbox, 'hello', second.accessToken)).text).toContain('revoked')
  })

  it('breaks an endpoint for the time that is said, the newest word counting', async () => {
    const clock = new FakeClock()
    const sandbox = await useSandbox({ clock, tokenLifetimeSeconds: 1_000 })
    const token = sandbox.signIn().accessToken
    expect((await say(sandbox, '!break token-endpoint 30s', token)).text).toContain('for 30 s')
    expect((await say(sandbox, '!break token-endpoint 404', token)).text).toContain('`404`')
    expect(sandbox.control.faults()).toMatchObject([{ fault: { target: 'token-endpoint', fault: '404' } }])
    await say(sandbox, '!break messages overloaded 90s', token)
    expect((await say(sandbox, 'hello', token)).status).toBe(529)
    clock.jump(90_000)
    expect((await say(sandbox, 'hello', token)).status).toBe(200)
  })

  it('is repaired by chat even while it is broken', async () => {
    const sandbox = await useSandbox()
    const token = sandbox.signIn().accessToken
    await say(sandbox, '!break messages 500 60s', token)
    expect((await say(sandbox, '!status', token)).status).toBe(500)
    expect(await say(sandbox, '!repair', token)).toEqual({ status: 200, text: 'Everything works again.' })
    expect((await say(sandbox, '!status', token)).text).toContain('Nothing is broken.')
  })

  it('reaches the usage limit, with the time of its end', async () => {
    const clock = new FakeClock()
    const sandbox = await useSandbox({ clock, tokenLifetimeSeconds: 1_000 })
    const token = sandbox.signIn().accessToken
    await say(sandbox, '!limit 2m', token)
    expect((await say(sandbox, 'hello', token)).status).toBe(429)
    clock.jump(120_000)
    expect((await say(sandbox, 'hello', token)).status).toBe(200)
  })

  it('slows down, talks at length, and shows Markdown', async () => {
    const sandbox = await useSandbox()
    const token = sandbox.signIn().accessToken
    expect((await say(sandbox, '!long 100', token)).text).toHaveLength(100_000)
    expect((await say(sandbox, '!markdown', token)).text).toContain('```ts')
    await say(sandbox, '!slow 80ms', token)
    const begun = performance.now()
    await say(sandbox, 'hello', token)
    expect(performance.now() - begun).toBeGreaterThanOrEqual(78)
  })

  it.each(['!nonsense', '!break', '!break elsewhere', '!break messages nonsense'])(
    'answers %s with a hint and changes nothing',
    async (text) => {
      const sandbox = await useSandbox()
      expect((await say(sandbox, text)).text).toMatch(/don't know|Say which/)
      expect(sandbox.control.faults()).toEqual([])
    },
  )

  it('obeys the first line only, for more may have waited together with it', async () => {
    const sandbox = await useSandbox()
    expect((await say(sandbox, '!echo one two\n\n!expire')).text).toBe('one two')
    expect(sandbox.state().liveAccessTokens).toBe(1)
  })

  it('takes an exclamation for what it is', async () => {
    const sandbox = await useSandbox({ answer: { style: 'echo' } })
    for (const text of ['!', '!!!', '! ?', 'wow !help']) {
      expect((await say(sandbox, text)).text).toBe(`Echo: ${text}`)
    }
  })
})
