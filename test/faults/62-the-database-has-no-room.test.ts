import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { FleetFixture } from '../support/processes/fleet-fixture.ts'
import { liveThrough, UNHARMED } from '../support/stores/database-trouble.ts'
import { giveToServer, PostgresServer } from '../support/stores/postgres-server.ts'
import { fillDisk, freeDisk, NO_SMALL_DISK, smallDisk } from '../support/stores/small-disk.ts'

/** Empty databases with all that PostgreSQL brings along, and what the load writes. */
const DISK_KILOBYTES = 96 * 1_024
/** Long messages, so that what is left of the room inside the files is soon used up. */
const LONG = ` ${'and so on '.repeat(150)}`

/** A disk, and a folder on it that is the server's. */
function diskForServer(): { readonly disk: string; readonly folder: string } {
  const disk = smallDisk(DISK_KILOBYTES)
  chmodSync(disk, 0o711)
  const folder = join(disk, 'postgres')
  mkdirSync(folder, { mode: 0o700 })
  giveToServer(folder)
  return { disk, folder }
}

test.skipIf(NO_SMALL_DISK)(
  `when the disk of the database is full, nothing is acknowledged, readiness says so, nothing is lost, and it recovers${NO_SMALL_DISK ? ` (${NO_SMALL_DISK})` : ''}`,
  PROCESS_TEST,
  async () => {
    const { disk, folder } = diskForServer()
    await using server = await PostgresServer.start()
    await server.admin(`CREATE TABLESPACE small LOCATION '${folder}'`)
    await server.admin('CREATE DATABASE small TABLESPACE small')
    await using fixture = await FleetFixture.open({
      databaseUrl: server.url('small'),
      sandbox: { answer: { delayMs: 100 } },
    })
    const gateway = await fixture.join()
    const fill = async () => {
      fillDisk(disk)
      return async () => freeDisk(disk)
    }
    expect(await liveThrough(fixture, gateway, fill, LONG)).toEqual(UNHARMED)
    expect(gateway.stderr).toContain('the disk of the database is full')
  },
)

test.skipIf(NO_SMALL_DISK)(
  `when the log of the database has no room and the server goes down, the same${NO_SMALL_DISK ? ` (${NO_SMALL_DISK})` : ''}`,
  PROCESS_TEST,
  async () => {
    const { disk, folder } = diskForServer()
    await using server = await PostgresServer.start({ logFolder: folder })
    await using fixture = await FleetFixture.open({
      databaseUrl: await server.createDatabase(),
      sandbox: { answer: { delayMs: 100 } },
    })
    const gateway = await fixture.join()
    const fill = async () => {
      // The usual reason for such a disk: somebody was to fetch the log, and does not.
      await server.admin(`SELECT pg_create_physical_replication_slot('forgotten', true)`)
      fillDisk(disk)
      await untilItGoesDown(server)
      return async () => {
        freeDisk(disk)
        await server.kill()
        await server.start()
        await server.admin(`SELECT pg_drop_replication_slot('forgotten')`)
      }
    }
    expect(await liveThrough(fixture, gateway, fill)).toEqual(UNHARMED)
  },
)

/** Begins one file of the log after the other. */
async function untilItGoesDown(server: PostgresServer): Promise<void> {
  for (;;) {
    try {
      await server.admin(`SELECT pg_logical_emit_message(true, 'test', 'one more'), pg_switch_wal()`)
    } catch {
      return
    }
  }
}
