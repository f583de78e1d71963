import { pause } from '../../test/support/until.ts'
import type { ChaosRow } from './row.ts'
import { SignInFixture } from './sign-in-fixture.ts'

/** One step of the back-off, short enough for many rounds. */
const STEP_MS = 40

/**
 * kill -9 at a random moment of a refresh, the server's work included. The next process continues until the
 * first definite answer. A sign-in may end here only when the server had rotated and its answer had not
 * reached the disk.
 */
export const killedInMidRefresh: ChaosRow = {
  fault: 15,
  title: 'kill -9 at a random moment of a refresh',
  rounds: 200,
  async run(rounds, random) {
    await using fixture = await SignInFixture.create()
    await fixture.signIn()
    const { sandbox } = fixture
    const broken: string[] = []
    const ends: Record<string, number> = {}
    let lostAnswers = 0
    for (let round = 1; round <= rounds; round++) {
      const fault = sandbox.control.fault({
        target: 'token-endpoint',
        fault: 'slow',
        delayMs: random() * 40,
        rotate: random() < 0.5,
      })
      const victim = await fixture.process({ backoffMs: STEP_MS })
      const issuedBefore = sandbox.counts.tokensIssued
      victim.send({ do: 'refresh' })
      // On a busy machine a fixed time would mostly kill it before it has sent anything.
      if (random() < 0.7) while (fault.struck === 0) await pause(1)
      await pause(random() * 60)
      await victim.kill()
      fault.clear()
      const rotated = sandbox.counts.tokensIssued > issuedBefore

      const next = await fixture.process({ backoffMs: STEP_MS })
      await next.ask('open')
      const stored = await next.ask('read')
      const saved = rotated && (await isNewest(fixture, stored))
      let answer = await next.ask('refresh')
      while (answer['kind'] === 'transient') {
        await pause(STEP_MS)
        answer = await next.ask('refresh')
      }
      const end = String(answer['kind'] === 'terminal' ? answer['reason'] : answer['kind'])
      ends[end] = (ends[end] ?? 0) + 1
      if (end === 'lost-in-rotation') {
        lostAnswers++
        if (!rotated || saved)
          broken.push(`round ${round}: lost although nothing was rotated or all was saved`)
        await fixture.signIn()
      } else if (end !== 'renewed' && end !== 'adopted') broken.push(`round ${round}: ended ${end}`)
      await next.kill()
      if (broken.length > 0) break
    }
    const { tokenRequests, replays } = sandbox.counts
    const notes = `${Object.entries(ends)
      .map((each) => each.join(' '))
      .join(', ')}`
    // Each answer that died with its process is asked for once more: that repeat is the rule, not a double.
    return {
      rounds,
      tokenRequests,
      doubles: Math.max(0, replays - lostAnswers),
      lost: broken.length,
      notes,
      broken,
    }
  },
}

/** Is what is stored the newest that the server has issued? */
async function isNewest({ sandbox }: SignInFixture, stored: Record<string, unknown>): Promise<boolean> {
  const issued = sandbox.events.findLast(({ kind }) => kind === 'rotated')
  return issued?.kind === 'rotated' && issued.issued === stored['access']
}
