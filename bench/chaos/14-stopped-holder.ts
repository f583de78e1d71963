import { pause } from '../../test/support/until.ts'
import type { ChaosRow } from './row.ts'
import { SignInFixture } from './sign-in-fixture.ts'

/** A holder of the lock is stopped at a random moment of its refresh while another process wants the token. */
export const stoppedHolder: ChaosRow = {
  fault: 14,
  title: 'lock holder stopped (SIGSTOP) at a random moment',
  rounds: 100,
  async run(rounds, random) {
    await using fixture = await SignInFixture.create()
    await fixture.signIn()
    const { sandbox } = fixture
    sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', delayMs: 15 })
    const [holder, other] = await Promise.all([fixture.process(), fixture.process({ lockWaitMs: 100 })])
    const broken: string[] = []
    let sentAway = 0
    let signIns = 0
    let expected = 0
    try {
      for (let round = 1; round <= rounds; round++) {
        const before = sandbox.counts.tokenRequests
        holder.send({ do: 'refresh' })
        await pause(random() * 50)
        holder.signal('SIGSTOP')
        const answer = await other.ask('refresh')
        if (answer['kind'] === 'busy') sentAway++
        // Now and then a person signs in while the holder is stopped; its late result must not count.
        const signsIn = round % 10 === 0
        if (signsIn) {
          await fixture.signIn()
          signIns++
        }
        holder.signal('SIGCONT')
        await holder.next()
        const [one, two] = [await holder.ask('read'), await other.ask('read')]
        if (one['access'] !== two['access']) broken.push(`round ${round}: two tokens in use`)
        const spent = sandbox.counts.tokenRequests - before
        expected += spent
        if (spent > (signsIn ? 2 : 1)) broken.push(`round ${round}: ${spent} requests`)
        if (broken.length > 0) break
      }
    } finally {
      await Promise.all([holder.kill(), other.kill()])
    }
    const { tokenRequests, replays, invalidGrants } = sandbox.counts
    const notes = `${sentAway} times sent away, ${signIns} sign-ins during the stop`
    return { rounds, tokenRequests, doubles: replays, lost: invalidGrants, notes, broken }
  },
}
