import { expect, it } from 'vitest'
import { fingerprint } from '../../src/support/secret.ts'
import { KeptGateway } from '../support/kept-gateway.ts'

it('repeats a rejected request with the newer token on disk, without a token request', async () => {
  const gateway = await KeptGateway.start()
  await gateway.ask()
  gateway.sandbox.control.revokeAccess()
  // The watch has not seen it yet when the answer comes.
  const newer = await gateway.signIn()
  expect(await gateway.ask()).not.toBe('')
  expect(gateway.tokenRequests).toBe(0)
  expect(gateway.keeper.snapshot().fingerprint).toBe(fingerprint(newer.accessToken))
})
