import { KILL_MOMENTS, KillFixture } from '../../test/support/processes/kill-fixture.ts'
import type { ChaosRow } from './row.ts'

/** A kill -9 at each point of a message's way through the whole gateway. */
export const killedOnTheWay: ChaosRow = {
  fault: 35,
  title: 'the gateway killed on a message’s way',
  rounds: 200,
  async run(rounds) {
    await using fixture = await KillFixture.start()
    const broken: string[] = []
    let askedAgain = 0
    let sentAgain = 0
    for (let round = 0; round < rounds && broken.length === 0; round++) {
      const report = await fixture.round(KILL_MOMENTS[round % KILL_MOMENTS.length]!)
      askedAgain += report.askedAgain
      sentAgain += report.sentAgain
      broken.push(...report.broken)
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
