import { cp } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { OwnStore } from '../../src/credentials/own/own-store.ts'
import { TokenEndpoint } from '../../src/oauth/token-endpoint.ts'
import { emptyHome, NEVER, signedIn } from '../support/provider/signed-in.ts'
import { tokensOf } from '../support/provider/tokens-of.ts'

async function copied() {
  const original = await signedIn()
  const home = await emptyHome()
  await cp(original.home, home, { recursive: true })
  const copy = new OwnStore({
    path: `${home}/credentials.json`,
    machineId: 'machine-two-TEST',
    endpoint: new TokenEndpoint(original.settings),
  })
  return { original, copy }
}

it('the copy does not refresh, and the original keeps working', async () => {
  const { original, copy } = await copied()
  expect(await copy.read()).toMatchObject({ kind: 'unusable', reason: 'other-machine' })
  expect(await copy.refresh(original.first, NEVER)).toMatchObject({
    kind: 'superseded',
    stored: { kind: 'unusable', reason: 'other-machine' },
  })
  expect(original.sandbox.counts.tokenRequests).toBe(0)
  expect((await original.store.refresh(original.first, NEVER)).kind).toBe('renewed')
  expect(original.sandbox.counts.replays).toBe(0)
})

it('once adopted, the copy refreshes', async () => {
  const { original, copy } = await copied()
  expect(await copy.adopt()).toBe(true)
  expect(await copy.adopt()).toBe(false)
  expect((await copy.refresh(original.first, NEVER)).kind).toBe('renewed')
})

it('a new sign-in on the second machine is its own', async () => {
  const { original, copy } = await copied()
  const tokens = tokensOf(original.sandbox.signIn())
  await copy.signIn({ kind: 'oauth', tokens, requestedScopes: [] })
  const stored = await copy.read()
  if (stored.kind !== 'present') throw new Error(stored.kind)
  expect((await copy.refresh(stored.generation, NEVER)).kind).toBe('renewed')
  expect((await original.store.refresh(original.first, NEVER)).kind).toBe('renewed')
})
