import * as conversations from '../../records/conversations.ts'
import * as outbox from '../../records/outbox.ts'
import * as pairings from '../../records/pairings.ts'
import { exportPerson } from '../../records/persons.ts'
import * as queue from '../../records/queue.ts'
import { facts, figures, incidents } from '../../records/records.ts'
import { accept } from '../inbox/accept.ts'
import { finish } from '../inbox/finish.ts'
import { drop, expire, expiring, hold, retry } from '../inbox/hold.ts'
import { lease, recover, saveDraft } from '../inbox/lease.ts'
import { abandon, enqueue, head, receipt } from '../inbox/outbox.ts'
import { deletePerson, retain } from '../removal.ts'
import { stepped } from '../run-steps.ts'
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
  postpone: stepped(outbox.postpone),
  abandon,
  pairingSave: stepped(pairings.save),
  pairingApprove: stepped(pairings.approve),
  pairingRevoke: stepped(pairings.revoke),
  pairingRecordGuess: stepped(pairings.recordGuess),
  factSet: stepped(facts.set),
  factDelete: stepped(facts.delete),
  figureAdd: stepped(figures.add),
  incidentSave: stepped(incidents.save),
  deletePerson,
  retain,
}

/** Operations that change nothing; a batch of them alone takes no write lock and no commit. */
const reads = {
  expiring,
  waiting: stepped(queue.waiting),
  counts: stepped(queue.counts),
  attachment: stepped(queue.attachment),
  cursor: stepped(queue.cursor),
  cursors: stepped(queue.cursors),
  queue: stepped(queue.queue),
  message: stepped(queue.message),
  head,
  pending: stepped(outbox.pending),
  find: stepped(conversations.find),
  changes: stepped(conversations.changes),
  messages: stepped(conversations.messages),
  list: stepped(conversations.list),
  usage: stepped(conversations.usage),
  exportPerson: stepped(exportPerson),
  pairingIsApproved: stepped(pairings.isApproved),
  pairingApproved: stepped(pairings.approved),
  pairingPending: stepped(pairings.pending),
  pairingRequest: stepped(pairings.request),
  pairingGuesses: stepped(pairings.guesses),
  factGet: stepped(facts.get),
  figureRead: stepped(figures.read),
  figureSums: stepped(figures.sums),
  incidentCurrent: stepped(incidents.current),
  incidentList: stepped(incidents.list),
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
