import { appendFile, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { FakeMemory } from '../../../test/support/provider/memory-sign-in.ts'
import { until } from '../../../test/support/until.ts'
import { systemClock } from '../../support/clock.ts'
import { Secret } from '../../support/secret.ts'
import { createResolver } from '../sources/decision.ts'
import { refreshCommandSource } from '../sources/refresh-command.ts'
import { Keeper } from './keeper.ts'

const open: Keeper[] = []
afterEach(async () => {
  for (const keeper of open.splice(0)) await keeper.stop()
})

/** A gateway whose token comes from a program that prints the last line of a file, as a vault would. */
async function withVault(token: string) {
  const vault = join(await mkdtemp(join(tmpdir(), 'vault-')), 'tokens')
  await writeFile(vault, `${token}\n`)
  const command = refreshCommandSource({
    argv: ['tail', '-n', '1', vault],
    environment: process.env,
    allowSandboxTokens: false,
  })
  const keeper = new Keeper({
    resolver: createResolver([command], { adoptClaudeCode: false, fallbackApiKey: false }),
    memory: new FakeMemory(),
    clock: systemClock,
    random: () => 0,
    probe: async () => ({ kind: 'unknown' }),
  })
  open.push(keeper)
  await keeper.start()
  return { keeper, rotate: (next: string) => appendFile(vault, `${next}\n`) }
}

const fingerprintOf = (token: string) => new Secret(token).fingerprint

it('the first request waits for the command, and its token is used from then on', async () => {
  const { keeper } = await withVault('sk-ant-oat01-TEST-first')
  const credential = await keeper.acquire()
  expect(credential).toMatchObject({ kind: 'command', fingerprint: fingerprintOf('sk-ant-oat01-TEST-first') })
  expect(keeper.acquire()).toBe(credential)
  expect(keeper.snapshot()).toMatchObject({
    state: 'healthy',
    kind: 'command',
    source: 'refresh-command',
    renewable: true,
    expiresAt: null,
    secondsLeft: null,
  })
})

it('a rejected token is replaced by what the vault holds now', async () => {
  const { keeper, rotate } = await withVault('sk-ant-oat01-TEST-first')
  const first = await keeper.acquire()
  keeper.accepted(first)
  await rotate('sk-ant-oat01-TEST-second')
  const second = await keeper.rejected(first, { kind: 'rejected' })
  expect(second.fingerprint).toBe(fingerprintOf('sk-ant-oat01-TEST-second'))
})

it('a vault that still holds the rejected token is asked again later, and its new one is taken', async () => {
  const { keeper, rotate } = await withVault('sk-ant-oat01-TEST-first')
  const first = await keeper.acquire()
  keeper.accepted(first)
  await expect(keeper.rejected(first, { kind: 'rejected' })).rejects.toMatchObject({ name: 'TransientError' })
  expect(keeper.snapshot()).toMatchObject({ state: 'degraded', reason: 'revoked' })
  expect(() => keeper.acquire()).toThrow(/same token/)
  await rotate('sk-ant-oat01-TEST-second')
  await until(() => keeper.snapshot().state === 'healthy', 'the next try of the command', 8_000)
  expect((await keeper.acquire()).fingerprint).toBe(fingerprintOf('sk-ant-oat01-TEST-second'))
})
