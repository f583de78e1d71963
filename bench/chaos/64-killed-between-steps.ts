import type { Random } from '../../test/support/chance.ts'
import { STEP_KILLS, StepKillFixture } from '../../test/support/steps/step-kill-fixture.ts'
import type { ChaosRow } from './row.ts'

/** Rounds between two lines about how far it is. */
const PROGRESS_EVERY = 10

/** A kill -9 somewhere in turns that call tools, on each storage; on PostgreSQL another process may take over. */
export const killedBetweenSteps: readonly ChaosRow[] = [
  row('sqlite', 'SQLite'),
  row('postgres', 'PostgreSQL'),
]

function row(storage: 'sqlite' | 'postgres', name: string): ChaosRow {
  return {
    fault: 64,
    title: `turns with tools on ${name}, killed between their steps`,
    storage,
    rounds: 200,
    async run(rounds, random, progress) {
      await using fixture = await StepKillFixture.start(storage)
      const moments = shuffled(random)
      let done = 0
      let goesOn = true
      while (goesOn && done < rounds) {
        goesOn = await fixture.round(moments[done++ % moments.length]!, random)
        if (done % PROGRESS_EVERY === 0) progress?.(`round ${done} of ${rounds}`)
      }
      const { turns, kills, takenOver, again, effects, unknown, askedAgain, sentAgain, left, broken } =
        await fixture.report()
      return {
        rounds: done,
        tokenRequests: 0,
        doubles: broken.filter((line) => line.includes('doubled:')).length,
        lost: broken.filter((line) => line.includes('lost:')).length,
        notes:
          `${turns} turns, ${effects} effects run, ${unknown} with an unknown outcome, ${takenOver} rounds taken over, ${again} killed twice, ` +
          `${askedAgain} responses asked again, ${sentAgain} answers sent again, ${left} drafts left`,
        more: STEP_KILLS.map((moment) => `${kills[moment] ?? 0} killed: ${moment}`),
        broken,
      }
    },
  }
}

/** In an order of this run: a few rounds meet other moments each time. */
function shuffled(random: Random) {
  return STEP_KILLS.map((moment) => ({ moment, at: random() }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ moment }) => moment)
}
