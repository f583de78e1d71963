import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { AcceptRequest, Arrival } from '../../inbox/arrival.ts'
import type { Inbox } from '../../inbox/inbox.ts'
import type { AttachmentInfo, StoredMessage } from '../../inbox/message.ts'
import { withCleanReason } from '../policy/finish.ts'
import { leaseKey } from '../policy/lease.ts'
import { undelivered } from '../records/outbox.ts'
import { removeAllOld } from '../records/retention.ts'
import { unpackHistory, type PackedMessage } from '../rows/rows.ts'
import type { Storage } from '../storage.ts'
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
    incidents: calls(client, 'incident', ['save', 'current', 'list']),
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
      const { arrivals, transfer } = withOwnBytes(request.arrivals)
      const plain: AcceptRequest = { ...request, arrivals }
      return client.callWith(transfer, 'accept', plain)
    },
    async lease(request) {
      const lease = await client.call('lease', request)
      return lease && { ...lease, history: parseHistory(lease.history, request.conversationId) }
    },
    finish: (lease, outcome, now) => client.call('finish', leaseKey(lease), withCleanReason(outcome), now),
    saveDraft: (lease, draft) => client.call('saveDraft', leaseKey(lease), draft),
    async expire({ now, maxAge, observed, notice }) {
      // Two steps, for a function cannot travel; only the second changes anything, and it looks again.
      const found = await client.call('expiring', { maxAge, observed })
      const notices = found.map(({ id, at }) => ({ id, notice: notice(at) }))
      return client.call('expire', { now, observed, notices })
    },
    ...calls(client, '', ['recover', 'hold', 'retry', 'drop', 'waiting', 'counts', 'queue', 'message']),
    ...calls(client, '', ['attachment', 'cursor', 'cursors']),
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
function withOwnBytes(arrivals: readonly Arrival[]): {
  readonly arrivals: readonly Arrival[]
  readonly transfer: readonly ArrayBuffer[]
} {
  const transfer: ArrayBuffer[] = []
  const own = arrivals.map((arrival): Arrival => {
    if (arrival.kind !== 'message' || arrival.message.attachments.length === 0) return arrival
    const attachments = arrival.message.attachments.map((attachment) => {
      const bytes = new Uint8Array(attachment.bytes)
      transfer.push(bytes.buffer)
      return { ...attachment, bytes }
    })
    return { ...arrival, message: { ...arrival.message, attachments } }
  })
  return { arrivals: own, transfer }
}

async function freeBytes(folder: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  } catch {
    return null
  }
}

/** The history of a lease, which the thread has written as JSON, as messages. */
function parseHistory(json: string, conversationId: string): readonly StoredMessage[] {
  const packed = JSON.parse(json) as ReadonlyArray<PackedMessage<string>>
  return unpackHistory(packed, conversationId, (attachments) => JSON.parse(attachments) as AttachmentInfo[])
}
