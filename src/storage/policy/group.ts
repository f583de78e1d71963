import type { AcceptRequest, IncomingMessage } from '../../inbox/arrival.ts'
import { isInstruction } from '../../inbox/message.ts'
import { SECOND } from '../../support/clock.ts'
import type { LeasedRow } from '../rows/rows.ts'

/**
 * A message that was leased this often without finishing crashes the process each time. Far above what
 * a series of ordinary restarts reaches, so that an operator restarting repeatedly parks nothing.
 */
export const MAX_LEASES = 25

/** A turn that ended so often with its process may be what ends it: no further message is drawn into it. */
const LEASES_WITH_OTHERS = 2

/** How long pieces are waited for in all, from the first one. */
const LONGEST_WAIT_MS = 3 * SECOND

/** Waiting messages that are read for an arrival, at most: more than arrive while pieces are waited for. */
export const NEWEST_WAITING = 32

/** Names the pieces of one thing until they are leased, and then the turn that answers them. */
const PIECES = 'pieces '
/** Of those that nothing but their order belongs together; behind it the platform's id of the first one. */
const PIECES_FROM = `${PIECES}from `

/**
 * The messages that are answered together, of those that wait, oldest first: the first one, what belongs to it, and
 * with `merge` what the same person wrote behind it without a gap.
 *
 * @returns `mayGrow`: more of those that were not read may belong to it
 */
export function groupOf(
  waiting: readonly LeasedRow[],
  merge: boolean,
): { readonly rows: readonly LeasedRow[]; readonly mayGrow: boolean } {
  const [head] = waiting
  if (!head) return { rows: [], mayGrow: false }
  const own = head.group_id === null ? [head] : waiting.filter((row) => row.group_id === head.group_id)
  const grows = merge && !isFrozen(own) && own.every((row) => canMerge(head, row))
  if (!grows) return { rows: own, mayGrow: head.group_id !== null }
  const members = new Set(own)
  const end = waiting.findIndex((row) => !members.has(row) && !canJoin(head, row))
  const joined = end === -1 ? waiting : waiting.slice(0, end)
  // Of pieces all, whatever others wrote between them.
  const groups = new Set([...own, ...joined].flatMap(({ group_id }) => group_id ?? []))
  const rows = waiting.filter(
    (row, index) => index < joined.length || (row.group_id !== null && groups.has(row.group_id)),
  )
  return { rows, mayGrow: end === -1 || groups.size > 0 }
}

/** When the turn of these messages may begin, in epoch milliseconds; 0 = now. */
export function readyAt(rows: readonly LeasedRow[], now: number): number {
  const waits = rows.filter(
    // Of a clock that was set back since, nobody knows how long it has been.
    (row) => row.not_before > now && (!isPieces(row) || row.not_before <= now + LONGEST_WAIT_MS),
  )
  return Math.max(0, ...waits.map(({ not_before }) => not_before))
}

/** The name of the group of a turn that begins; null = it has one message. */
export function groupName([head, ...others]: readonly LeasedRow[], turnId: string): string | null {
  if (!head || (others.length === 0 && !head.frozen)) return null
  return head.group_id === null || isPieces(head) ? turnId : head.group_id
}

/**
 * Whether a message that has just arrived belongs to what is being answered, as long as nothing of the answer is out.
 *
 * @param waiting the newest messages that wait or are being answered, oldest first
 */
export function joinsTurn(waiting: readonly LeasedRow[], arrived: LeasedRow): boolean {
  const turn = waiting.filter(({ state }) => state === 'answering')
  const [head] = turn
  if (!head || waiting.length >= NEWEST_WAITING || isFrozen(turn)) return false
  const behind = waiting.slice(waiting.indexOf(head)).filter((row) => row.state !== 'answering')
  return turn.every((row) => canMerge(head, row)) && [...behind, arrived].every((row) => canJoin(head, row))
}

/**
 * What a message that arrives is a piece of, and until when the next one is waited for; null = it is whole.
 *
 * @param waiting the newest messages that wait or are being answered, oldest first
 */
export function piecesOf(
  { piece, platformMessageId, personId, text, alone, context }: IncomingMessage,
  waiting: readonly LeasedRow[],
  { now, mergeWindow }: Pick<AcceptRequest, 'now' | 'mergeWindow'>,
): { readonly group_id: string; readonly not_before: number } | null {
  if (mergeWindow === undefined || alone || context || isInstruction(text)) return null
  const pieces = waiting.filter((row) => isPieces(row) && row.person_id === personId)
  const last = pieces.findLast((row) => readyAt([row], now) > 0)
  const begun = last?.group_id?.startsWith(PIECES_FROM) ? last.group_id : null
  const own = begun ?? (piece ? `${PIECES_FROM}${platformMessageId}` : null)
  const group_id = piece && piece.of !== null ? `${PIECES}of ${personId} ${piece.of}` : own
  if (group_id === null) return null
  // Albums one after the other do not keep the first one waiting.
  const recent = last ? pieces.filter(({ at }) => at > now - LONGEST_WAIT_MS) : []
  const since = Math.min(now, ...recent.map(({ at }) => at))
  return { group_id, not_before: Math.min(now + mergeWindow, since + LONGEST_WAIT_MS) }
}

/** Something of its answer may be out, or it has failed: what is answered with it stays as it is. */
function isFrozen(rows: readonly LeasedRow[]): boolean {
  return rows.some(
    ({ draft, frozen, failures, leases }) =>
      draft !== null || frozen || failures > 0 || leases > LEASES_WITH_OTHERS,
  )
}

/** A turn may answer both. Of an instruction among other words nothing would be obeyed. */
function canMerge(head: LeasedRow, row: LeasedRow): boolean {
  return !row.solo && !isInstruction(row.text) && row.person_id !== null && row.person_id === head.person_id
}

/** As `canMerge`, of a message that no other turn has begun to answer. */
function canJoin(head: LeasedRow, row: LeasedRow): boolean {
  return canMerge(head, row) && (row.group_id === null || isPieces(row)) && !isFrozen([row])
}

function isPieces({ group_id }: LeasedRow): boolean {
  return group_id?.startsWith(PIECES) === true
}
