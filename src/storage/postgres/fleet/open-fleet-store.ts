import type { Fleet, Role } from '../../../inbox/fleet/fleet.ts'
import { SECOND, type Clock } from '../../../support/clock.ts'
import { StoreError } from '../../../support/errors.ts'
import { newId } from '../../../support/ids.ts'
import type { Log } from '../../../support/log.ts'
import type { Secret } from '../../../support/secret.ts'
import type { Storage } from '../../storage.ts'
import { openDatabase } from '../connection/database.ts'
import { migrate } from '../migrations/migrate.ts'
import { openPostgresStorage } from '../storage.ts'
import { joinFleet } from './join-fleet.ts'
import { prepareQueue } from './wake-up-queue.ts'

export interface FleetStoreOptions {
  readonly url: Secret
  readonly role: Role
  readonly host: string
  readonly version: string
  /** Identifies the home whose lock this process holds. */
  readonly home: string
  readonly pullChannels: readonly string[]
  readonly clock: Clock
  readonly log: Log
  /** Something failed in the background; it is retried automatically. */
  readonly onProblem: (error: unknown) => void
}

/**
 * The store that several gateways share, brought to this program's version, and this process as one
 * of them.
 *
 * @throws ConfigurationError for a database that cannot be used; StoreError while it does not answer
 */
export async function openFleetStore(
  options: FleetStoreOptions,
): Promise<{ readonly storage: Storage; readonly fleet: Fleet }> {
  const { url, log, clock, pullChannels } = options
  const onProblem = seldom(options.onProblem, clock)
  const steps = await migrate({ url, also: prepareQueue })
  if (steps.length > 0) log.info({ steps }, 'the database was migrated')
  await using opening = new AsyncDisposableStack()
  const database = opening.adopt(await openDatabase({ url, clock, log, onProblem }), (open) => open.close())
  const joining = joinFleet({ ...options, onProblem, database, id: newId(clock.now()) })
  const fleet = opening.adopt(await joining, (joined) => joined.stop())
  const storage = openPostgresStorage({ database, pullChannels, wake: fleet.wake, turns: fleet.work, clock })
  const opened = { storage: { ...storage, inbox: fleet.unite(storage.inbox) }, fleet }
  opening.move()
  return opened
}

/** Every periodic task notices an unreachable database, every second or two: one report is enough. */
const SELDOM_MS = 30 * SECOND

/** Passes on the first of repeated store failures, and every other problem. */
function seldom(onProblem: (error: unknown) => void, clock: Clock): (error: unknown) => void {
  let next = -Infinity
  return (error) => {
    if (error instanceof StoreError) {
      if (clock.monotonic() < next) return
      next = clock.monotonic() + SELDOM_MS
    }
    onProblem(error)
  }
}
