import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { AcceptRequest, Arrival } from '../../inbox/arrival.ts'
import type { Inbox } from '../../inbox/inbox.ts'
import type { Lease } from '../../inbox/lease.ts'
import type { AttachmentInfo } from '../../inbox/message.ts'
import { withCleanReason } from '../policy/finish.ts'
import { leaseKey } from '../policy/lease.ts'
import { undelivered } from '../records/outbox.ts'
import { removeAllOld } from '../records/retention.ts'
import { unpackHistory, type PackedMessage } from '../rows/rows.ts'
import type { Storage } from '../storage.ts'
import type { PackedLease } from './inbox/turn.ts'
import { prefixed, type Prefixed } from './run-steps.ts'
import type { Arguments, OperationName, Result } from './thread/batch.ts'
import { StoreClient } from './thread/store-client.ts'

export interface SqliteStorageOptions {
  /** The database file; made where there is none. */
  readonly path: string
  /** Channels whose readers read answers and notices from the store: nothing goes into their outbox. */
  readonly pullChannels: readonly string[]
}

/** Everything durable of one home, in one SQLite file. */
export type SqliteStorage = Storage

/** The fact that a probe writes; its value means nothing. */
const PROBE_FACT = 'store.probe'

/**
 * Opens the storage in its own thread. A command may open it while a gateway runs: SQLite serialises their
 * writes, and each sees what the other has committed.
 *
 * @throws ConfigurationError when a newer program wrote the database; StoreError when it cannot be opened
 */
export async function openSqliteStorage(options: SqliteStorageOptions): Promise<SqliteStorage> {
  const { client, migrationBackup } = await StoreClient.open({
    path: options.path,
    pullChannels: options.pullChannels,
  })
  return {
    inbox: sqliteInbox(client),
    outbox: {
      ...calls(client, '', ['enqueue', 'head', 'receipt', 'postpone', 'pending']),
      abandon: (itemId, reason) => client.call('abandon', itemId, undelivered(reason)),
    },
    conversations: {
      ...calls(client, '', ['find', 'changes', 'messages', 'list', 'usage', 'exportPerson']),
      async deletePerson(channel, personId) {
        const removed = await client.call('deletePerson', channel, personId)
        await client.call('forgetDeleted')
        return removed
      },
      retain: (terms) => removeAllOld((from) => client.call('retain', terms, from)),
    },
    pairings: {
      ...calls(client, 'pairing', ['isApproved', 'approved', 'pending', 'request', 'save', 'approve']),
      ...calls(client, 'pairing', ['revoke', 'guesses', 'recordGuess']),
    },
    facts: calls(client, 'fact', ['get', 'set', 'delete']),
    figures: calls(client, 'figure', ['add', 'read', 'sums']),
    ledger: calls(client, 'ledger', ['sums']),
    incidents: calls(client, 'incident', ['save', 'current', 'list']),
    budgets: calls(client, 'budget', ['reserve', 'settle', 'close', 'closeGone', 'use', 'raise']),
    migrationBackup,
    backup: (file) => client.call('backup', file),
    integrityCheck: () => client.call('integrityCheck'),
    sizeInfo: () => client.call('sizes'),
    freeBytes: () => freeBytes(dirname(options.path)),
    probe: () => client.call('factSet', PROBE_FACT, ''),
    close: () => client.close(),
  }
}

function sqliteInbox(client: StoreClient): Inbox {
  return {
    accept(request) {
      const { plain, transfer } = withOwnBytes(request)
      return client.callWith(transfer, 'accept', plain)
    },
    async acceptAndBegin(request, terms) {
      const { plain, transfer } = withOwnBytes(request)
      const { accepted, lease } = await client.callWith(transfer, 'acceptAndBegin', plain, terms)
      return { accepted, lease: lease && unpackLease(lease) }
    },
    async lease(request) {
      const lease = await client.call('lease', request)
      return lease && 'history' in lease ? unpackLease(lease) : lease
    },
    finish: (lease, outcome, now) => client.call('finish', leaseKey(lease), withCleanReason(outcome), now),
    saveDraft: (lease, draft) => client.call('saveDraft', leaseKey(lease), draft),
    saveStep: (lease, step, now) => client.call('saveStep', leaseKey(lease), step, now),
    saveResult: (lease, result, now) => client.call('saveResult', leaseKey(lease), result, now),
    async expire({ now, maxAge, observed, notice }) {
      // Two steps, for a function cannot travel; only the second changes anything, and it looks again.
      const found = await client.call('expiring', { maxAge, observed })
      const notices = found.map(({ id, at }) => ({ id, notice: notice(at) }))
      return client.call('expire', { now, observed, notices })
    },
    ...calls(client, '', [
      'recover',
      'hold',
      'releaseHeld',
      'retry',
      'drop',
      'waiting',
      'counts',
      'queue',
      'message',
    ]),
    ...calls(client, '', ['attachment', 'cursor', 'cursors', 'removeCursor', 'saveCompaction']),
  }
}

type Named<Prefix extends string, Name extends string> = Prefixed<Prefix, Name> & OperationName

/** Operations of the thread that are passed on as they are, by their names without the prefix. */
function calls<Prefix extends string, Name extends string>(
  client: StoreClient,
  prefix: Prefix,
  names: readonly Name[],
): { [N in Name]: (...args: Arguments<Named<Prefix, N>>) => Promise<Result<Named<Prefix, N>>> } {
  const entries = names.map((name) => {
    const operation = prefixed(prefix, name) as OperationName
    return [name, (...args: never) => client.call(operation, ...args)]
  })
  return Object.fromEntries(entries) as ReturnType<typeof calls<Prefix, Name>>
}

/**
 * The arrivals with their attachments in memory of their own, which moves into the worker. The
 * caller's bytes stay whole, for it delivers again what could not be stored; and bytes that are a
 * part of something larger do not bring all of it along.
 */
function withOwnBytes(request: AcceptRequest): {
  readonly plain: AcceptRequest
  readonly transfer: readonly ArrayBuffer[]
} {
  const transfer: ArrayBuffer[] = []
  const arrivals = request.arrivals.map((arrival): Arrival => {
    if (arrival.kind !== 'message' || arrival.message.attachments.length === 0) return arrival
    const attachments = arrival.message.attachments.map((attachment) => {
      const bytes = new Uint8Array(attachment.bytes)
      transfer.push(bytes.buffer)
      return { ...attachment, bytes }
    })
    return { ...arrival, message: { ...arrival.message, attachments } }
  })
  return { plain: { ...request, arrivals }, transfer }
}

async function freeBytes(folder: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  } catch {
    return null
  }
}

/** A lease whose history the thread has written as JSON. */
function unpackLease(lease: PackedLease): Lease {
  const packed = JSON.parse(lease.history) as ReadonlyArray<PackedMessage<string>>
  const attachmentsOf = (attachments: string) => JSON.parse(attachments) as AttachmentInfo[]
  return { ...lease, history: unpackHistory(packed, lease.conversation.id, attachmentsOf) }
}
