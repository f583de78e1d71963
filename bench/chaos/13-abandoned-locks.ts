import { mkdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { SignInProcess } from '../../test/support/processes/processes.ts'
import type { ChaosRow } from './row.ts'
import { SignInFixture } from './sign-in-fixture.ts'

const HOMES = 4
/** A little older than the age at which a lock may be taken over. */
const STALE_MS = 61_000

/** Claude Code died with its locks in place, and the gateways of several homes want to take them over at once. */
export const abandonedLocks: ChaosRow = {
  fault: 13,
  title: `${HOMES} homes taking over abandoned locks of Claude Code at once`,
  rounds: 200,
  async run(rounds) {
    await using fixture = await SignInFixture.create()
    await fixture.signIn()
    const { configDir, sandbox } = fixture
    const processes = await Promise.all(
      Array.from({ length: HOMES }, async (_, index) =>
        fixture.process({ store: 'claude-code', home: await fixture.anotherHome(`home-${index}`) }),
      ),
    )
    const broken: string[] = []
    let sentAway = 0
    const renewed = async (process: SignInProcess) => {
      for (;;) {
        const answer = await process.ask('refresh')
        if (answer['kind'] !== 'busy') return answer
        sentAway++
      }
    }
    try {
      for (let round = 1; round <= rounds && broken.length === 0; round++) {
        const longAgo = new Date(Date.now() - STALE_MS)
        for (const lock of [join(configDir, '.oauth_refresh.lock'), `${configDir}.lock`]) {
          await mkdir(lock)
          await utimes(lock, longAgo, longAgo)
        }
        const answers = await Promise.all(processes.map(renewed))
        if (new Set(answers.map(({ access }) => access)).size !== 1)
          broken.push(`round ${round}: not on one token`)
        if (sandbox.counts.tokenRequests !== round) broken.push(`round ${round}: not one request`)
      }
    } finally {
      await Promise.all(processes.map((each) => each.kill()))
    }
    const { tokenRequests, replays, invalidGrants } = sandbox.counts
    const notes = `${sentAway} times sent away`
    return { rounds, tokenRequests, doubles: replays, lost: invalidGrants, notes, broken }
  },
}
