import { expect, it } from 'vitest'
import { keeperFixture } from '../../../test/support/provider/keeper-fixture.ts'
import { HOUR, MINUTE, SECOND } from '../../support/clock.ts'
import { Secret } from '../../support/secret.ts'
import type { Rejection } from '../credential.ts'

/** A gateway that lives on Claude Code's sign-in of `account-1`, which was accepted. */
async function onClaudeCode(variables: Record<string, string> = {}) {
  const made = keeperFixture({ policy: { adoptClaudeCode: true }, variables })
  const first = made.claudeCode.store()
  await made.keeper.start()
  made.keeper.accepted(await made.acquire())
  return { ...made, made, first, issueOther: () => made.claudeCode.issue({ accountId: 'account-2' }) }
}

const changes = (made: { warnings: { code: string }[] }) =>
  made.warnings.filter(({ code }) => code === 'account-changed')

it('goes over to the account that its owner signed in to Claude Code, at once and with an alert', async () => {
  const { made, issueOther } = await onClaudeCode()
  const other = made.claudeCode.store(issueOther())
  await made.clock.advance(SECOND)
  expect(made.keeper.snapshot()).toMatchObject({
    state: 'healthy',
    fingerprint: other.accessToken.fingerprint,
  })
  expect(changes(made)).toMatchObject([{ alert: true }])
  expect(made.states).toEqual(['healthy', 'healthy'])
  // A touch of the file changes nothing.
  made.claudeCode.changed()
  await made.clock.advance(MINUTE)
  expect(changes(made)).toHaveLength(1)
  expect(made.states).toHaveLength(2)
})

it('comes back with its owner to the first account while that token lives', async () => {
  const { made, first, issueOther } = await onClaudeCode()
  made.claudeCode.store(issueOther())
  await made.clock.advance(SECOND)
  made.keeper.accepted(await made.acquire())
  made.claudeCode.store(first)
  await made.clock.advance(SECOND)
  expect(made.keeper.snapshot()).toMatchObject({
    state: 'healthy',
    fingerprint: first.accessToken.fingerprint,
  })
  expect(changes(made)).toHaveLength(2)
  expect(made.claudeCode.refreshes).toEqual([])
})

it.each<[string, Rejection, Record<string, string>]>([
  ['rejects', { kind: 'rejected' }, {}],
  ['does not permit', { kind: 'not-permitted', reason: 'policy' }, {}],
  [
    'rejects, next to a token of the environment,',
    { kind: 'rejected' },
    { ANTHROPIC_TOKEN: 'sk-ant-oat01-TEST' },
  ],
])(
  'continues with the token in use where the provider %s the other account',
  async (_what, rejection, variables) => {
    const { made, first, issueOther } = await onClaudeCode(variables)
    const { keeper, clock, claudeCode } = made
    const other = claudeCode.store(issueOther())
    await clock.advance(SECOND)
    const used = await made.acquire()
    expect(used.fingerprint).toBe(other.accessToken.fingerprint)
    const repeat = await made.reject(used, rejection)
    expect(repeat.fingerprint).toBe(first.accessToken.fingerprint)
    keeper.accepted(repeat)
    // Whatever happens to the file, in whatever order.
    for (let round = 0; round < 3; round++) {
      claudeCode.changed()
      await clock.advance(10 * MINUTE)
      expect((await made.acquire()).fingerprint).toBe(first.accessToken.fingerprint)
    }
    expect(keeper.snapshot()).toMatchObject({ state: 'at-risk', reason: 'unrenewable', renewable: false })
    expect(made.states.every((state) => /^(healthy|at-risk)/.test(state))).toBe(true)
    expect(claudeCode.refreshes).toEqual([])
  },
)

it("uses a person's own new sign-in at once, also while the other account is passed over", async () => {
  const { made, issueOther } = await onClaudeCode()
  made.claudeCode.store(issueOther())
  await made.clock.advance(SECOND)
  await made.reject(await made.acquire())
  const own = made.own.store(made.own.issue({ accessToken: new Secret('sk-ant-oat01-TEST-own') }))
  await made.clock.advance(SECOND)
  expect((await made.acquire()).fingerprint).toBe(own.accessToken.fingerprint)
})

it('takes the other account for what it is when the token in use has ended', async () => {
  const { made, issueOther } = await onClaudeCode()
  const other = made.claudeCode.store(issueOther())
  await made.clock.advance(SECOND)
  await made.reject(await made.acquire())
  await made.clock.advance(9 * HOUR)
  // Its own refresh, once, when that is due.
  expect(made.claudeCode.refreshes.length).toBeLessThanOrEqual(2)
  expect(made.keeper.snapshot()).toMatchObject({ source: 'claude-code', renewable: true })
  expect(made.keeper.snapshot().fingerprint).not.toBe(other.accessToken.fingerprint)
})

it('keeps the rules of one sign-in where the accounts are not known', async () => {
  const { made, first } = await onClaudeCode()
  made.claudeCode.store(made.claudeCode.issue({ accountId: null }))
  await made.clock.advance(SECOND)
  expect(changes(made)).toEqual([])
  // The previous generation is never adopted again.
  made.claudeCode.store(first)
  await made.clock.advance(SECOND)
  expect(made.keeper.snapshot().fingerprint).not.toBe(first.accessToken.fingerprint)
})
