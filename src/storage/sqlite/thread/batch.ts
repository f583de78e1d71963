import { ConfigurationError, RowRefused, StoreError, messageOf } from '../../../support/errors.ts'
import { raise, settle, use } from '../../records/budgets.ts'
import { saveCompaction } from '../../records/compaction.ts'
import { changes, find, list, messages, usage } from '../../records/conversations.ts'
import { ledger } from '../../records/ledger.ts'
import { pending, postpone } from '../../records/outbox.ts'
import * as pairings from '../../records/pairings.ts'
import { exportPerson } from '../../records/persons.ts'
import {
  attachment,
  counts,
  cursor,
  cursors,
  message,
  queue,
  removeCursor,
  waiting,
} from '../../records/queue.ts'
import { facts, figures, incidents } from '../../records/records.ts'
import { close, closeGone, reserve } from '../budgets.ts'
import { accept, acceptAndBegin } from '../inbox/accept.ts'
import { drop, expire, expiring, hold, releaseHeld, retry } from '../inbox/hold.ts'
import { saveResult, saveStep } from '../inbox/journal.ts'
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
  acceptAndBegin,
  lease,
  finish,
  saveDraft,
  saveStep,
  saveResult,
  recover,
  hold,
  releaseHeld,
  expire,
  retry,
  drop,
  enqueue,
  receipt,
  abandon,
  deletePerson,
  retain,
  ...stepped('', { postpone, removeCursor, saveCompaction }),
  ...stepped('pairing', { save, approve, revoke, recordGuess }),
  ...stepped('fact', { set: facts.set, delete: facts.delete }),
  ...stepped('figure', { add: figures.add }),
  ...stepped('incident', { save: incidents.save }),
  budgetReserve: reserve,
  budgetClose: close,
  budgetCloseGone: closeGone,
  ...stepped('budget', { settle, raise }),
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
  ...stepped('ledger', ledger),
  ...stepped('incident', { current: incidents.current, list: incidents.list }),
  ...stepped('budget', { use }),
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
type OperationKind = 'write' | 'read' | 'alone'

/**
 * The operation of a name, as it came from the other thread. The client's types have checked
 * that the arguments fit.
 */
function operationOf(name: OperationName): { readonly kind: OperationKind; readonly run: Operation } {
  if (name in writes) return { kind: 'write', run: writes[name as keyof typeof writes] as Operation }
  if (name in reads) return { kind: 'read', run: reads[name as keyof typeof reads] as Operation }
  return { kind: 'alone', run: alone[name as keyof typeof alone] as Operation }
}

/** An operation as it travels to the worker: its name and its arguments. */
export type Call = readonly [name: OperationName, args: readonly unknown[]]

/** What became of one operation. */
export type Reply =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: Failure }

/** An error that can travel between threads. */
export interface Failure {
  readonly kind: 'store' | 'refused' | 'configuration' | 'bug'
  readonly message: string
  readonly stack: string | null
}

/**
 * Runs operations together: everything that writes is one transaction with one commit, and each
 * operation in it may fail alone. When the commit fails nothing of the batch has happened, and the
 * operations that only read are answered all the same.
 */
export function runBatch(session: Session, calls: readonly Call[]): readonly Reply[] {
  const operations = calls.map(([name, args]) => ({ ...operationOf(name), args }))
  const replies: Reply[] = []
  const together = operations.flatMap((operation, index) => (operation.kind === 'alone' ? [] : [index]))
  const writes = together.some((index) => operations[index]!.kind === 'write')
  const run = (index: number) => {
    const { run, args } = operations[index]!
    return run(session, ...args)
  }
  if (together.length > 0) {
    const failure = transaction(session, writes, () => {
      for (const index of together) {
        replies[index] =
          operations[index]!.kind === 'write'
            ? savepoint(session, () => run(index))
            : attempt(() => run(index))
      }
    })
    if (failure) {
      for (const index of together) replies[index] = { ok: false, error: failure }
      readAgain(
        session,
        together.filter((index) => operations[index]!.kind === 'read'),
        (index) => {
          replies[index] = attempt(() => run(index))
        },
      )
    }
  }
  for (const [index, operation] of operations.entries()) {
    if (operation.kind === 'alone') replies[index] = attempt(() => run(index))
  }
  return replies
}

/** null: committed. Else why nothing was. */
function transaction(session: Session, writes: boolean, body: () => void): Failure | null {
  try {
    session.begin(writes)
    body()
    session.commit()
    return null
  } catch (error) {
    session.rollback()
    return failureOf(error)
  }
}

function readAgain(session: Session, reads: readonly number[], read: (index: number) => void): void {
  if (reads.length === 0) return
  transaction(session, false, () => reads.forEach(read))
}

/** @throws when SQLite has undone the whole transaction with the operation, as it does when the disk is full */
function savepoint(session: Session, run: () => unknown): Reply {
  session.sql('SAVEPOINT operation').run()
  try {
    const value = run()
    session.sql('RELEASE operation').run()
    return { ok: true, value }
  } catch (error) {
    session.waitingTotal = null
    if (!session.db.isTransaction) throw error
    session.sql('ROLLBACK TO operation').run()
    session.sql('RELEASE operation').run()
    return { ok: false, error: failureOf(error) }
  }
}

function attempt(run: () => unknown): Reply {
  try {
    return { ok: true, value: run() }
  } catch (error) {
    return { ok: false, error: failureOf(error) }
  }
}

export function failureOf(error: unknown): Failure {
  const stack = error instanceof Error ? (error.stack ?? null) : null
  if (error instanceof ConfigurationError) return { kind: 'configuration', message: error.message, stack }
  if (error instanceof StoreError) return { kind: 'store', message: error.message, stack }
  if (error instanceof RowRefused) return { kind: 'refused', message: error.message, stack }
  return { kind: kindOf(error), message: messageOf(error), stack }
}

/** SQLite's result codes that are about the values alone: TOOBIG, CONSTRAINT, MISMATCH, RANGE. @see https://www.sqlite.org/rescode.html */
const ABOUT_VALUES: ReadonlySet<number> = new Set([18, 19, 20, 25])
/** An extended code has its kind in the lowest byte. */
const PRIMARY_CODE = 0xff

/** Node's codes for a value that cannot be bound to a parameter of a statement. */
const UNBINDABLE: ReadonlySet<unknown> = new Set([
  'ERR_INVALID_ARG_TYPE',
  'ERR_INVALID_ARG_VALUE',
  'ERR_OUT_OF_RANGE',
])

function kindOf(error: unknown): Failure['kind'] {
  if (!(error instanceof Error) || !('code' in error)) return 'bug'
  if (UNBINDABLE.has(error.code)) return 'refused'
  if (error.code !== 'ERR_SQLITE_ERROR') return 'bug'
  const { errcode } = error as { errcode?: unknown }
  return typeof errcode === 'number' && ABOUT_VALUES.has(errcode & PRIMARY_CODE) ? 'refused' : 'store'
}
