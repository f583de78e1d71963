import { expect, it } from 'vitest'
import { NEVER, signedIn } from '../support/provider/signed-in.ts'

it.each(['invalid-format', 'invalid-request', '415'] as const)(
  '%s: the form once, and remembered',
  async (fault) => {
    const { store, first, sandbox, present } = await signedIn()
    sandbox.control.fault({ target: 'token-endpoint', fault })
    const encodings = () =>
      sandbox.events.flatMap((event) => (event.kind === 'token-request' ? [event.encoding] : []))

    expect((await store.refresh(first, NEVER)).kind).toBe('renewed')
    expect(encodings()).toEqual(['json', 'form'])
    expect((await store.refresh(await present(), NEVER)).kind).toBe('renewed')
    expect(encodings()).toEqual(['json', 'form', 'form'])
    expect(sandbox.counts.replays).toBe(0)
  },
)

it('scopes that are refused are left out once, and from then on', async () => {
  const { store, first, sandbox, present } = await signedIn()
  sandbox.control.fault({ target: 'token-endpoint', fault: 'invalid-scope' })
  expect((await store.refresh(first, NEVER)).kind).toBe('renewed')
  expect(sandbox.counts.tokenRequests).toBe(2)
  expect((await store.refresh(await present(), NEVER)).kind).toBe('renewed')
  expect(sandbox.counts.tokenRequests).toBe(3)
})
