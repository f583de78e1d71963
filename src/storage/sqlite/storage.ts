import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Pairings } from '../../conversation/access/pairing.ts'
import type { Conversations } from '../../conversation/conversations.ts'
import type { AcceptRequest, Arrival } from '../../inbox/arrival.ts'
import type { Inbox } from '../../inbox/inbox.ts'
import type { Outbox } from '../../inbox/outbox.ts'
import { redact } from '../../support/text/redact.ts'
import { withCleanReason } from '../policy/finish.ts'
import { leaseKey } from '../policy/lease.ts'
import type { Removed, RetentionPosition } from '../records/retention.ts'
import type { Storage } from '../storage.ts'
import { parseHistory } from './inbox/history.ts'
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
    outbox: sqliteOutbox(client),
    conversations: sqliteConversations(client),
    pairings: sqlitePairings(client),
    facts: {
      get: (key) => client.call('factGet', key),
      set: (key, value) => client.call('factSet', key, value),
      delete: (key) => client.call('factDelete', key),
    },
    figures: {
      add: (name, at, value) => client.call('figureAdd', name, at, value),
      read: (name, from, to) => client.call('figureRead', name, from, to),
      sums: (query) => client.call('figureSums', query),
    },
    incidents: {
      save: (incident) => client.call('incidentSave', incident),
      current: () => client.call('incidentCurrent'),
      list: (limit) => client.call('incidentList', limit),
    },
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
    recover: (owner) => client.call('recover', owner),
    waiting: (now) => client.call('waiting', now),
    hold: (request) => client.call('hold', request),
    async expire({ now, maxAge, observed, notice }) {
      // Two steps, for a function cannot travel; only the second changes anything, and it looks again.
      const found = await client.call('expiring', { maxAge, observed })
      const notices = found.map(({ id, at }) => ({ id, notice: notice(at) }))
      return client.call('expire', { now, observed, notices })
    },
    counts: () => client.call('counts'),
    attachment: (id, within) => client.call('attachment', id, within),
    cursor: (channel, name) => client.call('cursor', channel, name),
    cursors: (channel) => client.call('cursors', channel),
    queue: (filter) => client.call('queue', filter),
    message: (messageId) => client.call('message', messageId),
    retry: (messageId) => client.call('retry', messageId),
    drop: (messageId) => client.call('drop', messageId),
  }
}

function sqliteOutbox(client: StoreClient): Outbox {
  return {
    enqueue: (item) => client.call('enqueue', item),
    head: (conversationId) => client.call('head', conversationId),
    receipt: (itemId, part, platformId, last) => client.call('receipt', itemId, part, platformId, last),
    postpone: (itemId, notBefore) => client.call('postpone', itemId, notBefore),
    abandon: (itemId, reason) => client.call('abandon', itemId, redact(reason)),
    pending: () => client.call('pending'),
  }
}

function sqliteConversations(client: StoreClient): Conversations {
  return {
    find: (channel, address) => client.call('find', channel, address),
    changes: (conversationId, after, limit) => client.call('changes', conversationId, after, limit),
    messages: (conversationId, options) => client.call('messages', conversationId, options),
    list: (channel, limit) => client.call('list', channel, limit),
    usage: (conversationId) => client.call('usage', conversationId),
    exportPerson: (channel, personId) => client.call('exportPerson', channel, personId),
    async deletePerson(channel, personId) {
      const removed = await client.call('deletePerson', channel, personId)
      await client.call('forgetDeleted')
      return removed
    },
    async retain(terms) {
      let [messages, attachments] = [0, 0]
      let from: RetentionPosition | null = null
      do {
        const removed: Removed = await client.call('retain', terms, from)
        messages += removed.messages
        attachments += removed.attachments
        from = removed.next
      } while (from !== null)
      return { messages, attachments }
    },
  }
}

function sqlitePairings(client: StoreClient): Pairings {
  return {
    isApproved: (channel, personId) => client.call('pairingIsApproved', channel, personId),
    approved: () => client.call('pairingApproved'),
    pending: (now) => client.call('pairingPending', now),
    request: (channel, personId) => client.call('pairingRequest', channel, personId),
    save: (pending) => client.call('pairingSave', pending),
    approve: (channel, code, now) => client.call('pairingApprove', channel, code, now),
    revoke: (channel, personId) => client.call('pairingRevoke', channel, personId),
    guesses: (channel, since) => client.call('pairingGuesses', channel, since),
    recordGuess: (channel, now) => client.call('pairingRecordGuess', channel, now),
  }
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
