import { FleetKillFixture, MOVES_WITHIN_MS } from '../../test/support/processes/fleet-kill-fixture.ts'
import type { ChaosRow } from './row.ts'

/** Four gateways on one PostgreSQL under load, one of them killed in each round. */
export const fleetKills: ChaosRow = {
  fault: 62,
  title: 'gateways on one PostgreSQL killed under load',
  rounds: 200,
  async run(rounds, random) {
    await using fixture = await FleetKillFixture.start()
    for (let round = 0; round < rounds; round++) await fixture.round(random)
    const { asked, lost, outOfOrder, sentAgain, askedAgain, moves } = await fixture.report()
    const longest = Math.max(0, ...moves)
    return {
      rounds,
      tokenRequests: 0,
      doubles: 0,
      lost: lost.length,
      notes:
        `${asked} questions in 12 chats, ${askedAgain} asked again, ${sentAgain} answers sent again, ` +
        `receiving moved ${moves.length} times, at the longest in ${(longest / 1_000).toFixed(1)} s`,
      broken: [
        ...lost.slice(0, 10),
        ...outOfOrder,
        ...(longest > MOVES_WITHIN_MS ? [`receiving took ${Math.round(longest)} ms to move`] : []),
      ],
    }
  },
}
