import { expect, test } from 'vitest'
import '../support/no-gateway-left.ts'
import { PROCESS_TEST } from '../support/bot-world.ts'
import { FleetWorld } from '../support/fleet-world.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { PostgresServer } from '../support/postgres-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { pause } from '../support/until.ts'

const CHATS = Array.from({ length: 6 }, (_, index) => 2_000 + index)
/** Everything goes on by itself this long after the database works again, at the latest. */
const RECOVERY_MS = 10_000
/** A statement that is not answered is given up before that, and a message comes all the time. */
const UNNOTICED_MS = 15_000
/** Between two messages of the load. */
const PACE_MS = 150

interface Victim {
  readonly server: PostgresServer
  /** Between the gateway and the server. */
  readonly proxy: TcpProxy
  /** The name of the gateway's database. */
  readonly database: string
}

/** What goes wrong; what it resolves with mends it. */
const TROUBLES: ReadonlyArray<
  readonly [name: string, act: (victim: Victim) => Promise<() => Promise<void>>]
> = [
  [
    'is killed and starts again',
    async ({ server }) => {
      await server.kill()
      return () => server.start()
    },
  ],
  [
    'cannot be reached',
    async ({ proxy }) => {
      proxy.line = 'refused'
      return async () => {
        proxy.line = 'open'
      }
    },
  ],
  [
    'falls silent',
    async ({ proxy }) => {
      proxy.line = 'silent'
      return async () => {
        // What was swallowed never comes: a line that was forgotten is a broken one.
        proxy.line = 'open'
      }
    },
  ],
  [
    'takes no writes',
    async ({ server, database }) => {
      await server.admin(`ALTER DATABASE ${database} SET default_transaction_read_only = on`)
      await disconnect(server, database)
      return async () => {
        await server.admin(`ALTER DATABASE ${database} RESET default_transaction_read_only`)
        await disconnect(server, database)
      }
    },
  ],
]

/** Settings of a database hold for new connections. */
function disconnect(server: PostgresServer, database: string): Promise<void> {
  return server.admin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`)
}

test.concurrent.each(TROUBLES)(
  'when the database %s, nothing is acknowledged, readiness says so, nothing is lost, and it mends itself',
  PROCESS_TEST,
  async (_, act) => {
    await using server = await PostgresServer.start()
    const database = new URL(await server.createDatabase()).pathname.slice(1)
    await using proxy = await TcpProxy.to(server.port)
    await using world = await FleetWorld.open({
      databaseUrl: server.url(database, proxy.port),
      sandbox: { answer: { delayMs: 100 } },
    })
    const gateway = await world.join()
    await world.untilHeld()
    const load = new Load(world)
    await world.until(() => world.shown(CHATS[0]!).length > 2, 'the first answers')

    const mend = await act({ server, proxy, database })
    await untilReadiness(gateway, 503, UNNOTICED_MS)
    expect((await gateway.readiness()).state).toBe('store')
    expect((await gateway.say('a', 'is anybody there?')).status).toBe(503)
    const confirmed = world.telegram.confirmed
    await pause(1_000)
    expect(world.telegram.confirmed).toBe(confirmed)
    await mend()
    const mended = performance.now()
    await untilReadiness(gateway, 200, RECOVERY_MS)
    const answered = world.telegram.confirmed
    await world.until(() => world.telegram.confirmed > answered, 'receiving to go on', RECOVERY_MS)
    expect(performance.now() - mended).toBeLessThan(RECOVERY_MS + 2_000)

    await load.end()
    await world.until(
      () => CHATS.every((chat) => world.shown(chat).length >= load.said),
      'an answer to everything',
      90_000,
    )
    for (const chat of CHATS) {
      const numbers = world.shown(chat).map((text) => Number(/number (\d+)/.exec(text)?.[1]))
      expect(numbers).toEqual(Array.from({ length: load.said }, (_, index) => index + 1))
    }
    expect(await gateway.kill('SIGTERM')).toEqual({ code: 0, signal: null })
  },
)

/** Resolves when `/readyz` answers so. */
async function untilReadiness(gateway: GatewayProcess, status: number, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const now = await gateway.readiness()
    if (now.status === status) return
    if (performance.now() > deadline)
      throw new Error(
        `/readyz says ${JSON.stringify(now)} after ${withinMs} ms:\n${gateway.stderr.slice(-3_000)}`,
      )
    await pause(50)
  }
}

/** People who write all the time. */
class Load {
  /** Messages in each chat. */
  said = 0
  readonly #running: Promise<void>
  #ended = false

  constructor(world: FleetWorld) {
    this.#running = this.#run(world)
  }

  async #run(world: FleetWorld): Promise<void> {
    while (!this.#ended) {
      this.said++
      for (const chat of CHATS) {
        world.telegram.say(chat, `number ${this.said} of ${chat}`)
        await pause(PACE_MS)
      }
    }
  }

  async end(): Promise<void> {
    this.#ended = true
    await this.#running
  }
}
