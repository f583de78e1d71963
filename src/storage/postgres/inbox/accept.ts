import {
  type Accepted,
  type AcceptRequest,
  type Arrival,
  type Fence,
  NOT_STORED,
} from '../../../inbox/arrival.ts'
import { StoreError } from '../../../support/errors.ts'
import { decideArrival, foldInto } from '../../policy/accept.ts'
import { Changes } from '../../policy/changes.ts'
import { foldRecords } from '../../records/conversations.ts'
import type { Queryable, Transaction } from '../connection/database.ts'
import { clean } from '../connection/statements.ts'
import { waitingRows, type ConversationRow } from '../rows.ts'
import { runSteps } from '../run-steps.ts'
import { commit, write, type StoreContext } from './apply.ts'
import { ArrivalRows } from './arrival-rows.ts'

/**
 * What becomes of a request whose rows are loaded. A move is not decided here, because its rows are written at
 * once: see `acceptWithMoves`.
 */
export function decideRequest(
  request: AcceptRequest,
  rows: ArrivalRows,
  changes: Changes,
): readonly Accepted[] {
  const results = request.arrivals.map((arrival) => decideOne(arrival, request, rows, changes))
  changes.cursors.push(...request.cursors)
  return results
}

function decideOne(arrival: Arrival, request: AcceptRequest, rows: ArrivalRows, changes: Changes): Accepted {
  if (arrival.kind === 'moved') throw new Error('a move is not decided with other requests')
  const { channel, address } = 'message' in arrival ? arrival.message : arrival
  return decideArrival(arrival, rows.find(channel, address), request, rows.figures, changes)
}

/** Stores a request of which some addresses have moved, in a transaction of its own. Its channel is held. */
export async function acceptWithMoves(
  tx: Transaction,
  context: StoreContext,
  request: AcceptRequest,
): Promise<readonly Accepted[]> {
  const { arrivals, cursors } = request
  const changes = new Changes(context.pullChannels)
  const rows = new ArrivalRows()
  await rows.load(tx, request, context.waitingTotal)
  const results: Accepted[] = []
  for (const [index, arrival] of arrivals.entries()) {
    if (arrival.kind === 'moved') {
      results.push(await moveAddress(tx, rows, arrival, changes))
      context.waitingTotal.forget()
      await rows.load(tx, { ...request, arrivals: arrivals.slice(index + 1) }, context.waitingTotal)
    } else results.push(decideOne(arrival, request, rows, changes))
  }
  changes.cursors.push(...cursors)
  await commit(tx, context, changes)
  return results
}

/** The request with names as they are stored: a platform's ids and addresses are compared with those in the database. */
export function withCleanNames(request: AcceptRequest): AcceptRequest {
  return { ...request, arrivals: request.arrivals.map(withCleanName) }
}

function withCleanName(arrival: Arrival): Arrival {
  if (arrival.kind === 'moved') return { ...arrival, from: clean(arrival.from), to: clean(arrival.to) }
  if ('message' in arrival)
    return { ...arrival, message: { ...arrival.message, ...cleanName(arrival.message) } }
  return { ...arrival, ...cleanName(arrival) }
}

function cleanName({ address, platformMessageId }: { address: string; platformMessageId: string }) {
  return { address: clean(address), platformMessageId: clean(platformMessageId) }
}

/**
 * The platform gave a chat another address. The conversation keeps its id and continues there; one that
 * already exists at the new address is folded into it. Idempotent. Writes all changes; the rows must be read again.
 */
async function moveAddress(
  tx: Transaction,
  rows: ArrivalRows,
  { channel, from, to }: Extract<Arrival, { kind: 'moved' }>,
  changes: Changes,
): Promise<Accepted> {
  const conversation = rows.find(channel, from)?.conversation?.row
  const newer = rows.find(channel, to)?.conversation?.row
  // Nothing at the old address: nothing to move.
  if (conversation && newer && newer.key !== conversation.key) await fold(tx, conversation, newer, changes)
  if (conversation) {
    await tx.query(
      `INSERT INTO hermes.addresses (channel, address, conversation) VALUES ($1, $2, $3)
         ON CONFLICT (channel, address) DO UPDATE SET conversation = excluded.conversation`,
      [channel, to, conversation.key],
    )
    conversation.address = to
    changes.save(conversation)
  }
  await write(tx, changes)
  return { ...NOT_STORED, conversationId: conversation?.id ?? null }
}

async function fold(
  tx: Transaction,
  older: ConversationRow,
  newer: ConversationRow,
  changes: Changes,
): Promise<void> {
  await write(tx, changes)
  const waiting = (await waitingRows(tx, [newer.key])).get(newer.key) ?? []
  const shift = foldInto(older, newer, waiting, changes)
  // Of a conversation with work the other one is woken.
  if (waiting.some((row) => row.state === 'received')) changes.wake(older)
  await write(tx, changes)
  changes.forget(newer)
  // The blocks belong to what the newer one was sent before them, which is not before them any more.
  await tx.query(
    `UPDATE hermes.messages SET conversation = $1, seq = seq + $3, history_seq = history_seq + $3, blocks = NULL,
       revision = nextval('hermes.revision') WHERE conversation = $2`,
    [older.key, newer.key, shift],
  )
  await runSteps(tx, foldRecords(older.key, newer.key))
}

/**
 * Those of the fences that are still the newest ones. A process that held the channel, was suspended and resumes after
 * another process took over must not store anything. The rows stay locked against a new holder until the commit.
 */
export async function readHeldFences(tx: Queryable, fences: readonly Fence[]): Promise<ReadonlySet<string>> {
  if (fences.length === 0) return new Set()
  const held = await tx.query<Fence>(
    `SELECT l.name, l.fence FROM unnest($1::text[], $2::bigint[]) AS w (name, fence)
       JOIN hermes.leases l ON l.name = w.name AND l.fence = w.fence ORDER BY l.name FOR SHARE OF l`,
    [fences.map(({ name }) => name), fences.map(({ fence }) => fence)],
  )
  return new Set(held.map(fenceKey))
}

export function fenceKey({ name, fence }: Fence): string {
  return `${fence} ${name}`
}

export function formerHolder({ name }: Fence): StoreError {
  return new StoreError(`another process holds ${name} now`)
}
