import { KILL_MOMENTS, KillFixture } from '../../test/support/processes/kill-fixture.ts'
import type { ChaosRow } from './row.ts'

/** A kill -9 at each point of a message's way through the whole gateway. */
export const killedOnTheWay: ChaosRow = {
  fault: 35,
  title: 'the gateway killed on a message’s way',
  rounds: 200,
  async run(rounds, random) {
    await using fixture = await KillFixture.start()
    const broken: string[] = []
    let askedAgain = 0
    let sentAgain = 0
    for (let round = 0; round < rounds && broken.length === 0; round++) {
      const moment = KILL_MOMENTS[round % KILL_MOMENTS.length]!
      const report = await fixture.round(moment, random)
      askedAgain += report.askedAgain
      sentAgain += report.sentAgain
      broken.push(...report.broken)
      // Only a part that was sent but not recorded can appear in a chat twice. A kill right after a round
      // may still hit its last answer before it is recorded.
      const nothingHadLeft = moment === 'after the outbox' || (moment === 'before the commit' && round === 0)
      if (nothingHadLeft && report.sentAgain > 0) broken.push(`round ${round + 1}, ${moment}: answered twice`)
    }
    return {
      rounds,
      tokenRequests: 0,
      doubles: broken.filter((line) => line.includes('asked')).length,
      lost: broken.filter((line) => line.includes('lost')).length,
      notes: `${askedAgain} questions asked again, ${sentAgain} answers sent again`,
      broken,
    }
  },
}
