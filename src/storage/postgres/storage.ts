import type { AcceptRequest, Arrival } from '../../inbox/arrival.ts'
import type { Inbox } from '../../inbox/inbox.ts'
import { systemClock, type Clock } from '../../support/clock.ts'
import { ConfigurationError } from '../../support/errors.ts'
import { withCleanReason } from '../policy/finish.ts'
import { leaseKey } from '../policy/lease.ts'
import { decideDrop, decideRetry } from '../policy/operator.ts'
import { changes, find, list, messages, usage } from '../records/conversations.ts'
import * as pairings from '../records/pairings.ts'
import { exportPerson } from '../records/persons.ts'
import { attachment, counts, cursor, cursors, message, queue, waiting } from '../records/queue.ts'
import { facts, figures, incidents } from '../records/records.ts'
import { removeAllOld } from '../records/retention.ts'
import type { Storage } from '../storage.ts'
import type { Database } from './connection/database.ts'
import { accept } from './inbox/accept.ts'
import type { StoreContext, Wake } from './inbox/apply.ts'
import { finish } from './inbox/finish.ts'
import { expire, hold, operate } from './inbox/hold.ts'
import { KeyedQueue } from './inbox/keyed-queue.ts'
import { lease, recover, saveDraft } from './inbox/lease.ts'
import { postgresOutbox } from './inbox/outbox.ts'
import { WaitingTotal } from './inbox/waiting-total.ts'
import { deletePerson, removeSomeOld } from './removal.ts'
import { bound } from './run-steps.ts'
import { integrityCheck, probe, sizes } from './upkeep.ts'

export interface PostgresStorageOptions {
  /** Open and migrated; closed with the storage. */
  readonly database: Database
  /** Channels whose readers read answers and notices from the store: nothing is put into their outbox. */
  readonly pullChannels: readonly string[]
  /** Without it no process is woken. */
  readonly wake?: Wake
  readonly clock?: Clock
}

/** Everything durable of all gateways that share a database. Any number of processes may open it. */
export function openPostgresStorage(options: PostgresStorageOptions): Storage {
  const { database } = options
  const context: StoreContext = {
    pullChannels: new Set(options.pullChannels),
    wake: options.wake ?? (() => null),
    waitingTotal: new WaitingTotal(options.clock ?? systemClock),
  }
  return {
    inbox: postgresInbox(database, context),
    outbox: postgresOutbox(database, context),
    conversations: {
      ...bound(database, { find, changes, messages, list, usage, exportPerson }),
      deletePerson: (channel, personId) => deletePerson(database, context, channel, personId),
      retain: (terms) => removeAllOld((from) => removeSomeOld(database, terms, from)),
    },
    pairings: bound(database, pairings),
    facts: bound(database, facts),
    figures: bound(database, figures),
    incidents: bound(database, incidents),
    migrationBackup: null,
    backup: () =>
      Promise.reject(
        new ConfigurationError(
          'messages are in PostgreSQL: back them up with pg_dump --schema=hermes, or as that server is backed up',
        ),
      ),
    integrityCheck: () => integrityCheck(database),
    sizeInfo: () => sizes(database),
    async freeBytes() {
      // Only the server knows its free space; this still checks that it answers.
      await database.query('SELECT 1')
      return null
    },
    probe: () => probe(database),
    close: () => database.close(),
  }
}

function postgresInbox(database: Database, context: StoreContext): Inbox {
  const arriving = new KeyedQueue()
  return {
    async accept(request) {
      try {
        // Keeps the order of calls within a conversation and a stream, without any call waiting for the
        // lock of another.
        return await arriving.run(queueKeys(request), () =>
          database.transaction((tx) => accept(tx, context, request)),
        )
      } catch (error) {
        // Its changes were rolled back, so the count is wrong.
        context.waitingTotal.forget()
        throw error
      }
    },
    lease: (request) => database.transaction((tx) => lease(tx, context, request)),
    finish: (lease, outcome, now) =>
      database.transaction((tx) => finish(tx, context, leaseKey(lease), withCleanReason(outcome), now)),
    saveDraft: (lease, draft) => database.transaction((tx) => saveDraft(tx, leaseKey(lease), draft)),
    recover: (owner) => recover(database, context, owner),
    hold: (request) => hold(database, context, request),
    expire: (request) => expire(database, context, request),
    ...bound(database, { waiting, counts, attachment, cursor, cursors, queue, message }),
    retry: (messageId) => database.transaction((tx) => operate(tx, context, messageId, decideRetry)),
    drop: (messageId) => database.transaction((tx) => operate(tx, context, messageId, decideDrop)),
  }
}

/** The addresses and streams that a request is about. Streams too, because a cursor must never move back. */
function queueKeys({ arrivals, cursors }: AcceptRequest): readonly string[] {
  return [
    ...arrivals.flatMap(addressesOf),
    ...cursors.map(({ channel, name }) => `cursor ${channel} ${name}`),
  ]
}

function addressesOf(arrival: Arrival): readonly string[] {
  if (arrival.kind === 'moved') {
    return [`${arrival.channel}:${arrival.from}`, `${arrival.channel}:${arrival.to}`]
  }
  const { channel, address } = 'message' in arrival ? arrival.message : arrival
  return [`${channel}:${address}`]
}
