import { NO_JOURNAL, type Journal, type StoredCall } from '../../inbox/step.ts'
import { MESSAGE_COLUMNS, type LeasedRow, type MessageRow } from '../rows/rows.ts'
import { query, type Steps } from './steps.ts'

interface StepRow {
  readonly step: number
  readonly response: string
  readonly max_tokens: number
  readonly terms: string | null
}

type CallRow = StoredCall & { readonly step: number }

/** The steps that are stored of the turn of these messages, the oldest of them first. Costs nothing where none is. */
export function* readJournal(head: Pick<LeasedRow, 'key' | 'frozen'>): Steps<Journal> {
  if (!head.frozen) return NO_JOURNAL
  const steps = yield* query<StepRow>(
    'SELECT step, response, max_tokens, terms FROM hermes.steps WHERE message = $1 ORDER BY step',
    [head.key],
  )
  const calls = yield* query<CallRow>(
    'SELECT step, id, tool, class, input, result FROM hermes.calls WHERE message = $1 ORDER BY step, place',
    [head.key],
  )
  return {
    terms: steps[0]?.terms ?? null,
    steps: steps.map(({ step: index, response, max_tokens: maxTokens }) => ({
      index,
      response,
      maxTokens,
      calls: calls.filter(({ step }) => step === index).map(storedCall),
    })),
  }
}

function storedCall({ id, tool, class: kind, input, result }: CallRow): StoredCall {
  return { id, tool, class: kind, input, result }
}

/** How many steps are stored of the turn of these messages. */
export function* countSteps(head: Pick<LeasedRow, 'key' | 'frozen'> | null): Steps<number> {
  if (!head?.frozen) return 0
  const [row] = yield* query<{ n: number }>('SELECT count(*) AS n FROM hermes.steps WHERE message = $1', [
    head.key,
  ])
  return row!.n
}

/** What is stored of a call of that turn, without its result, which may be large; null = nothing. */
export function* findCall(
  head: Pick<LeasedRow, 'key' | 'frozen'> | null,
  { index, callId }: { readonly index: number; readonly callId: string },
): Steps<{ readonly hasResult: boolean } | null> {
  if (!head?.frozen) return null
  const [row] = yield* query<{ done: boolean | number }>(
    'SELECT result IS NOT NULL AS done FROM hermes.calls WHERE message = $1 AND step = $2 AND id = $3',
    [head.key, index, callId],
  )
  return row ? { hasResult: Boolean(row.done) } : null
}

/** The messages that are answered together with a frozen one, itself included, whatever they wait for. */
export function frozenWith(
  conversation: number,
  { group_id }: Pick<MessageRow, 'group_id'>,
): Steps<readonly MessageRow[]> {
  return query<MessageRow>(
    `SELECT ${MESSAGE_COLUMNS} FROM hermes.messages WHERE conversation = $1 AND group_id = $2 AND frozen ORDER BY seq`,
    [conversation, group_id],
  )
}
