import { DISTURBANCES } from '../../test/support/platforms/platform-fixture.ts'
import { ProgramFixture } from '../../test/support/processes/program-fixture.ts'
import type { ChaosRow } from './row.ts'

/** Programs of the OpenAI-compatible address and a webhook, while the gateway is killed and cut off. */
export const programsOnTheWay: ChaosRow = {
  fault: 35,
  title: 'programs and a webhook, with kills and broken lines',
  rounds: 200,
  async run(rounds, random) {
    await using fixture = await ProgramFixture.start()
    const broken: string[] = []
    let round = 0
    while (round < rounds && broken.length === 0)
      broken.push(...(await fixture.round(DISTURBANCES[round++ % DISTURBANCES.length]!, random)))
    if (broken.length > 0) broken.push(fixture.log.slice(-4_000))
    return {
      rounds: round,
      tokenRequests: 0,
      doubles: 0,
      lost: broken.filter((line) => line.includes('lost')).length,
      notes: `${round * 4} requests, each answered once`,
      broken,
    }
  },
}
