import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { FleetFixture } from '../support/processes/fleet-fixture.ts'
import { TcpProxy } from '../support/processes/tcp-proxy.ts'
import { liveThrough, UNHARMED } from '../support/stores/database-trouble.ts'
import { PostgresServer } from '../support/stores/postgres-server.ts'

interface Victim {
  readonly server: PostgresServer
  /** Between the gateway and the server. */
  readonly proxy: TcpProxy
  /** The name of the gateway's database. */
  readonly database: string
}

/** What goes wrong; it resolves with the function that repairs it. */
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
    'answers too late',
    async ({ proxy }) => {
      // Requests are executed, commits included, but the replies are lost.
      proxy.line = 'late'
      return async () => {
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
  'when the database %s, nothing is acknowledged, readiness says so, nothing is lost, and it recovers',
  PROCESS_TEST,
  async (_, act) => {
    await using server = await PostgresServer.start()
    const database = new URL(await server.createDatabase()).pathname.slice(1)
    await using proxy = await TcpProxy.to(server.port)
    await using fixture = await FleetFixture.open({
      databaseUrl: server.url(database, proxy.port),
      sandbox: { answer: { delayMs: 100 } },
    })
    const gateway = await fixture.join()
    expect(await liveThrough(fixture, gateway, () => act({ server, proxy, database }))).toEqual(UNHARMED)
  },
)
