import { changes, find, list, messages, usage } from '../../records/conversations.ts'
import { pending, postpone } from '../../records/outbox.ts'
import * as pairings from '../../records/pairings.ts'
import { exportPerson } from '../../records/persons.ts'
import { attachment, counts, cursor, cursors, message, queue, waiting } from '../../records/queue.ts'
import { facts, figures, incidents } from '../../records/records.ts'
import { accept } from '../inbox/accept.ts'
import { drop, expire, expiring, hold, retry } from '../inbox/hold.ts'
import { abandon, enqueue, head, receipt } from '../inbox/outbox.ts'
import { finish, lease, recover, saveDraft } from '../inbox/turn.ts'
import { deletePerson, retain } from '../removal.ts'
import { stepped } from '../run-steps.ts'
import { backup, forgetDeleted, integrityCheck, sizes } from '../upkeep.ts'
import type { Session } from './session.ts'

const { save, approve, revoke, recordGuess, ...pairingReads } = pairings

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
  abandon,
  deletePerson,
  retain,
  ...stepped('', { postpone }),
  ...stepped('pairing', { save, approve, revoke, recordGuess }),
  ...stepped('fact', { set: facts.set, delete: facts.delete }),
  ...stepped('figure', { add: figures.add }),
  ...stepped('incident', { save: incidents.save }),
}

/** Operations that change nothing; a batch of them alone takes no write lock and no commit. */
const reads = {
  expiring,
  head,
  sizes,
  ...stepped('', { waiting, counts, attachment, cursor, cursors, queue, message, pending }),
  ...stepped('', { find, changes, messages, list, usage, exportPerson }),
  ...stepped('pairing', pairingReads),
  ...stepped('fact', { get: facts.get }),
  ...stepped('figure', { read: figures.read, sums: figures.sums }),
  ...stepped('incident', { current: incidents.current, list: incidents.list }),
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
