import { describe, expect, it } from 'vitest'
import { borrowed } from '../support/provider/claude-code.ts'
import { NEVER, signedIn } from '../support/provider/signed-in.ts'

describe.each([
  ['our own file', () => signedIn()],
  ['the database', () => signedIn({ place: 'database' })],
  ['Claude Code’s file', borrowed],
])('%s', (_name, start) => {
  it('refuses a renewed token of another account, keeps the old one, and asks no more', async () => {
    const { store, open, first, sandbox, document } = await start()
    const before = await document()
    sandbox.control.fault({ target: 'token-endpoint', fault: 'other-account', times: 1 })
    expect(await store.refresh(first, NEVER)).toMatchObject({ kind: 'terminal', reason: 'account' })
    expect(await document()).toEqual(before)
    // The answer proved the refresh token spent.
    expect(await open().refresh(first, NEVER)).toMatchObject({ kind: 'terminal', reason: 'account' })
    expect(sandbox.counts.tokenRequests).toBe(1)
  })
})

it('an account that was not known yet is learnt from the answer', async () => {
  const { store, edit, present } = await signedIn()
  await edit(({ signIns }) => {
    delete signIns[0]!['account']
  })
  const before = await present()
  expect(before.accountId).toBeNull()
  await store.refresh(before, NEVER)
  expect((await present()).accountId).toEqual(expect.any(String))
})
