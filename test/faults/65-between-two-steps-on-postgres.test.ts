import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { FleetFixture } from '../support/processes/fleet-fixture.ts'
import { TOOL_GATEWAY } from '../support/processes/gateway-process.ts'
import { CONTINUED, OutageTurn } from '../support/steps/outage-turn.ts'
import { PostgresServer } from '../support/stores/postgres-server.ts'
import { pause } from '../support/until.ts'

const ADA = 501
/** Longer than what the gateway tries at once. */
const AWAY_MS = 3_000

async function openFleet(turn: OutageTurn, server: PostgresServer): Promise<FleetFixture> {
  return await FleetFixture.open({
    databaseUrl: await server.createDatabase(),
    sandbox: turn.sandboxOptions,
    processEnv: { STEPS_FOLDER: turn.folder },
  })
}

test.concurrent(
  'when PostgreSQL is stopped between two steps, the second one is asked for once, and its answer stored when it is back',
  PROCESS_TEST,
  async () => {
    using turn = new OutageTurn()
    await using server = await PostgresServer.start()
    await using fleet = await openFleet(turn, server)
    await fleet.join('all', TOOL_GATEWAY)
    fleet.telegram.say(ADA, turn.question)
    await turn.requested(2, fleet.sandbox)
    await server.stop()
    await pause(AWAY_MS)
    expect(fleet.shown(ADA).join()).not.toContain('Response 1')
    await server.start()
    expect(await turn.continued(fleet.sandbox, () => fleet.shown(ADA))).toEqual(CONTINUED)
    expect(turn.tries(fleet.sandbox)).toBe(1)
  },
)

test.concurrent.each(['SIGKILL', 'SIGTERM'] as const)(
  'when its process ends with %s between two steps, another one continues the turn with the same step',
  PROCESS_TEST,
  async (signal) => {
    using turn = new OutageTurn()
    await using server = await PostgresServer.start()
    await using fleet = await openFleet(turn, server)
    await fleet.join('all', TOOL_GATEWAY)
    await fleet.join('all', TOOL_GATEWAY)
    fleet.telegram.say(ADA, turn.question)
    await turn.requested(1, fleet.sandbox)
    fleet.sandbox.control.fault({ target: 'messages', fault: 'hang', times: 1 })
    const pid = await turn.toolBegun()
    await turn.requested(2, fleet.sandbox)
    await fleet.gateways.find((gateway) => gateway.pid === pid)!.kill(signal)
    expect(await turn.continued(fleet.sandbox, () => fleet.shown(ADA))).toEqual(CONTINUED)
    expect(turn.tries(fleet.sandbox)).toBe(2)
  },
)
