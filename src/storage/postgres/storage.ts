import type { Inbox } from '../../inbox/inbox.ts'
import type { Lease, LeaseRequest, NotYet } from '../../inbox/lease.ts'
import type { StoredMessage } from '../../inbox/message.ts'
import { systemClock, type Clock } from '../../support/clock.ts'
import { ConfigurationError } from '../../support/errors.ts'
import { leaseKey } from '../policy/lease.ts'
import { decideDrop, decideRetry } from '../policy/operator.ts'
import { saveCompaction } from '../records/compaction.ts'
import { find, list, messages, usage } from '../records/conversations.ts'
import { ledger } from '../records/ledger.ts'
import * as pairings from '../records/pairings.ts'
import { exportPerson } from '../records/persons.ts'
import {
  attachment,
  counts,
  cursor,
  cursors,
  message,
  queue,
  removeCursor,
  waiting,
} from '../records/queue.ts'
import { facts, figures, incidents } from '../records/records.ts'
import { removeAllOld } from '../records/retention.ts'
import type { Storage } from '../storage.ts'
import { postgresBudgets } from './budgets.ts'
import type { Database } from './connection/database.ts'
import { Gather } from './connection/gather.ts'
import { readChanges, type ChangesRequest } from './engine/read-changes.ts'
import type { SharedTurns } from './engine/shared-turns.ts'
import { StepEngine } from './engine/step-engine.ts'
import { stepTransactions } from './engine/step-transactions.ts'
import {
  acceptStep,
  draftStep,
  finishStep,
  leaseStep,
  resultStep,
  turnStep,
  type Step,
} from './engine/steps.ts'
import type { StoreContext, Wake } from './inbox/apply.ts'
import { expire, hold, operate, releaseHeld } from './inbox/hold.ts'
import { recover } from './inbox/lease.ts'
import { postgresOutbox } from './inbox/outbox.ts'
import { WaitingTotal } from './inbox/waiting-total.ts'
import { deletePerson, removeSomeOld } from './removal.ts'
import { bound, runSteps } from './run-steps.ts'
import { integrityCheck, probe, sizes } from './upkeep.ts'

export interface PostgresStorageOptions {
  /** Open and migrated; closed with the storage. */
  readonly database: Database
  /** Channels whose readers read answers and notices from the store: nothing is put into their outbox. */
  readonly pullChannels: readonly string[]
  /** Without it no process is woken. */
  readonly wake?: Wake
  /** The turns of this process, where it shares the work with others. */
  readonly turns?: SharedTurns
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
  const turns = options.turns ?? null
  const engine = new StepEngine(stepTransactions(database, context, turns))
  const changes = new Gather<ChangesRequest, readonly StoredMessage[]>((requests) =>
    readChanges(database, requests),
  )
  return {
    inbox: postgresInbox(database, context, engine, turns),
    outbox: postgresOutbox(database, context),
    conversations: {
      ...bound(database, { find, messages, list, usage, exportPerson }),
      changes: (conversationId, after, limit) => changes.add({ conversationId, after, limit }),
      deletePerson: (channel, personId) => deletePerson(database, context, channel, personId),
      retain: (terms) => removeAllOld((from) => removeSomeOld(database, terms, from)),
    },
    pairings: bound(database, pairings),
    facts: bound(database, facts),
    figures: bound(database, figures),
    ledger: bound(database, ledger),
    incidents: bound(database, incidents),
    budgets: postgresBudgets(database),
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
    async close() {
      await engine.close()
      await database.close()
    },
  }
}

/** Against a turn that begins, and a command. */
const LOCKED = 'SELECT 1 FROM hermes.conversations WHERE id = $1 FOR UPDATE'

function postgresInbox(
  database: Database,
  context: StoreContext,
  engine: StepEngine<Step>,
  turns: SharedTurns | null,
): Inbox {
  const lease = async (request: LeaseRequest): Promise<Lease | NotYet | null> => {
    const id = request.conversationId
    const granted = turns?.granted(id) ?? null
    if (granted !== null && granted !== 'unknown' && !request.again) return granted
    try {
      const again = request.again === true || granted !== null
      const found = await engine.run<Lease | NotYet | null>(leaseStep({ ...request, again }))
      turns?.asked(id, true)
      return found
    } catch (error) {
      turns?.asked(id, false)
      throw error
    }
  }
  return {
    // Async: what cannot even be prepared rejects, too.
    accept: async (request) => engine.run(acceptStep(request)),
    lease,
    finish: (held, outcome, now) => engine.run(finishStep(leaseKey(held), outcome, now)),
    saveDraft: (held, draft) => engine.run(draftStep(leaseKey(held), draft)),
    saveStep: async (held, step, now) => engine.run(turnStep(leaseKey(held), step, now)),
    saveResult: async (held, result, now) => engine.run(resultStep(leaseKey(held), result, now)),
    saveCompaction: (compaction) =>
      database.transaction(async (tx) => {
        await tx.query(LOCKED, [compaction.conversationId])
        return await runSteps(tx, saveCompaction(compaction))
      }),
    recover: (owner) => recover(database, context, owner),
    hold: (request) => hold(database, context, request),
    releaseHeld: (reason) => releaseHeld(database, context, reason),
    expire: (request) => expire(database, context, request),
    ...bound(database, { waiting, counts, attachment, cursor, cursors, removeCursor, queue, message }),
    retry: (messageId) => database.transaction((tx) => operate(tx, context, messageId, decideRetry)),
    drop: (messageId) => database.transaction((tx) => operate(tx, context, messageId, decideDrop)),
  }
}
