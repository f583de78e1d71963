import { accept } from '../inbox/accept.ts'
import { finish } from '../inbox/finish.ts'
import { expire, expiring, hold } from '../inbox/hold.ts'
import { lease, recover, saveDraft } from '../inbox/lease.ts'
import { abandon, enqueue, head, pending, postpone, receipt } from '../inbox/outbox.ts'
import { attachment, counts, cursor, cursors, drop, message, queue, retry, waiting } from '../inbox/queue.ts'
import { changes, find, list, messages, usage } from '../records/conversations.ts'
import * as pairings from '../records/pairings.ts'
import { deletePerson, exportPerson } from '../records/persons.ts'
import * as records from '../records/records.ts'
import { retain } from '../records/retention.ts'
import { backup, forgetDeleted, integrityCheck, sizes } from '../upkeep.ts'
import type { Session } from './session.ts'

/** Operations that change something: each is a savepoint of its batch's one transaction. */
const writes = {
  accept,
  lease,
  finish,
  saveDraft,
  recover,
  hold,
  expire,
  retry,
  drop,
  enqueue,
  receipt,
  postpone,
  abandon,
  pairingSave: pairings.save,
  pairingApprove: pairings.approve,
  pairingRevoke: pairings.revoke,
  pairingRecordGuess: pairings.recordGuess,
  factSet: records.factSet,
  factDelete: records.factDelete,
  figureAdd: records.figureAdd,
  incidentSave: records.incidentSave,
  deletePerson,
  retain,
}

/** Operations that change nothing; a batch of them alone takes no write lock and no commit. */
const reads = {
  expiring,
  waiting,
  counts,
  attachment,
  cursor,
  cursors,
  queue,
  message,
  head,
  pending,
  find,
  changes,
  messages,
  list,
  usage,
  exportPerson,
  pairingIsApproved: pairings.isApproved,
  pairingApproved: pairings.approved,
  pairingPending: pairings.pending,
  pairingRequest: pairings.request,
  pairingGuesses: pairings.guesses,
  factGet: records.factGet,
  figureRead: records.figureRead,
  figureSums: records.figureSums,
  incidentCurrent: records.incidentCurrent,
  incidentList: records.incidentList,
  sizes,
}

/** Operations that cannot run inside a transaction. */
const alone = { backup, integrityCheck, forgetDeleted }

type Table = typeof writes & typeof reads & typeof alone
export type OperationName = keyof Table
type Rest<T> = T extends readonly [Session, ...infer Others] ? Others : never
export type Arguments<K extends OperationName> = Rest<Parameters<Table[K]>>
export type Result<K extends OperationName> = ReturnType<Table[K]>

type Operation = (session: Session, ...args: readonly unknown[]) => unknown

/** How an operation takes part in a batch. */
export type OperationKind = 'write' | 'read' | 'alone'

/**
 * The operation of a name, as it came from the other thread. The client's types have checked
 * that the arguments fit.
 */
export function operationOf(name: OperationName): { readonly kind: OperationKind; readonly run: Operation } {
  if (name in writes) return { kind: 'write', run: writes[name as keyof typeof writes] as Operation }
  if (name in reads) return { kind: 'read', run: reads[name as keyof typeof reads] as Operation }
  return { kind: 'alone', run: alone[name as keyof typeof alone] as Operation }
}
