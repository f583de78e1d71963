import { type Accepted, type AcceptRequest, type Arrival, NOT_STORED } from '../../../inbox/arrival.ts'
import { StoreError } from '../../../support/errors.ts'
import { decideArrival, foldInto } from '../../policy/accept.ts'
import { Changes } from '../../policy/changes.ts'
import { foldRecords } from '../../records/conversations.ts'
import type { Transaction } from '../connection/database.ts'
import { clean } from '../connection/statements.ts'
import { waitingRows, type ConversationRow } from '../rows.ts'
import { runSteps } from '../run-steps.ts'
import { commit, write, type StoreContext } from './apply.ts'
import { ArrivalRows } from './arrival-rows.ts'

/** Stores what a platform delivered, and how far its stream was read. See `Inbox.accept`. */
export async function accept(
  tx: Transaction,
  context: StoreContext,
  given: AcceptRequest,
): Promise<readonly Accepted[]> {
  const request = { ...given, arrivals: given.arrivals.map(withCleanNames) }
  const { arrivals, cursors, fence } = request
  const changes = new Changes(context.pullChannels)
  const rows = new ArrivalRows()
  // Sent together.
  await Promise.all([rows.load(tx, request, context.waitingTotal), fence && refuseFormerHolder(tx, fence)])
  const results: Accepted[] = []
  for (const [index, arrival] of arrivals.entries()) {
    if (arrival.kind === 'moved') {
      results.push(await moveAddress(tx, rows, arrival, changes))
      context.waitingTotal.forget()
      await rows.load(tx, { ...request, arrivals: arrivals.slice(index + 1) }, context.waitingTotal)
      continue
    }
    const { channel, address } = 'message' in arrival ? arrival.message : arrival
    results.push(decideArrival(arrival, rows.find(channel, address), request, rows.figures, changes))
  }
  changes.cursors.push(...cursors)
  await commit(tx, context, changes)
  return results
}

/** With names as they are stored: a platform's ids and addresses are compared with those in the database. */
function withCleanNames(arrival: Arrival): Arrival {
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
  await tx.query(
    `UPDATE hermes.messages SET conversation = $1, seq = seq + $3, history_seq = history_seq + $3,
       revision = nextval('hermes.revision') WHERE conversation = $2`,
    [older.key, newer.key, shift],
  )
  await runSteps(tx, foldRecords(older.key, newer.key))
}

/**
 * A process that held the channel, was suspended and resumes after another process took over must not store anything.
 * The row stays locked against a new holder until the commit.
 */
async function refuseFormerHolder(
  tx: Transaction,
  { name, fence }: NonNullable<AcceptRequest['fence']>,
): Promise<void> {
  const rows = await tx.query('SELECT 1 FROM hermes.leases WHERE name = $1 AND fence = $2 FOR SHARE', [
    name,
    fence,
  ])
  if (rows.length === 0) throw new StoreError(`another process holds ${name} now`)
}
