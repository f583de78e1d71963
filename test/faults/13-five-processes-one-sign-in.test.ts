import { expect, it } from 'vitest'
import { abandonedLocks } from '../../bench/chaos/13-abandoned-locks.ts'
import { sharedSignIn, sharedWithClaudeCode } from '../../bench/chaos/13-shared-sign-in.ts'
import { fewRounds } from '../support/few-rounds.ts'
import { SignInProcess } from '../support/processes/processes.ts'
import { MACHINE, signedIn } from '../support/provider/signed-in.ts'

const PROCESSES = 5
/** `npm run chaos` runs a thousand; here enough to see that it is no luck. */
const EXPIRIES = 15

it('makes one token request an expiry, however many processes share the file', async () => {
  const { home, sandbox, present } = await signedIn()
  const processes = await Promise.all(
    Array.from({ length: PROCESSES }, () =>
      SignInProcess.start({ store: 'own', home, machineId: MACHINE, tokenUrl: sandbox.tokenUrl }),
    ),
  )
  try {
    for (let expiry = 1; expiry <= EXPIRIES; expiry++) {
      const answers = await Promise.all(processes.map((each) => each.ask('refresh')))
      expect(answers.filter(({ kind }) => kind === 'renewed')).toHaveLength(1)
      expect(answers.filter(({ kind }) => kind === 'adopted')).toHaveLength(PROCESSES - 1)
      expect(new Set(answers.map(({ access }) => access)).size).toBe(1)
      expect(sandbox.counts.tokenRequests).toBe(expiry)
    }
    expect(sandbox.counts).toMatchObject({ invalidGrants: 0, replays: 0 })
    const newest = await present()
    for (const each of processes) {
      expect(await each.ask('read')).toMatchObject({ access: newest.accessToken.fingerprint })
    }
  } finally {
    await Promise.all(processes.map((each) => each.kill()))
  }
}, 90_000)

fewRounds([sharedSignIn, sharedWithClaudeCode, abandonedLocks])
