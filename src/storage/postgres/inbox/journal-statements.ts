import type { Changes } from '../../policy/changes.ts'
import { json } from '../connection/statements.ts'

/** A statement of a transaction, with its parameters. */
export interface Statement {
  readonly sql: string
  readonly params: readonly unknown[]
}

/** What writes the steps of turns, and removes those of turns that are over; none where a turn had no steps. */
export function journalStatements({ steps, calls, results, endedJournals }: Changes): readonly Statement[] {
  const statements: Statement[] = []
  if (steps.length > 0) statements.push({ sql: STEPS, params: [json(steps), json(calls)] })
  if (results.length > 0) statements.push({ sql: RESULTS, params: [json(results)] })
  if (endedJournals.length > 0) statements.push({ sql: ENDED, params: [[...endedJournals]] })
  return statements
}

const STEPS = `
WITH saved AS (
  INSERT INTO hermes.steps (message, step, response, max_tokens, terms, at)
    SELECT r.message, r.step, r.response, r.max_tokens, r.terms, r.at
    FROM json_to_recordset($1::json) AS r (message bigint, step integer, response text, max_tokens bigint, terms text,
      at bigint)
)
INSERT INTO hermes.calls (message, step, place, id, tool, class, input, result, done_at)
  SELECT r.message, r.step, r.place, r.id, r.tool, r.class, r.input, r.result, r.done_at
  FROM json_to_recordset($2::json) AS r (message bigint, step integer, place integer, id text, tool text, class text,
    input text, result text, done_at bigint)`

const RESULTS = `UPDATE hermes.calls c SET result = r.result, done_at = r.done_at
  FROM json_to_recordset($1::json) AS r (message bigint, step integer, id text, result text, done_at bigint)
  WHERE c.message = r.message AND c.step = r.step AND c.id = r.id`

const ENDED = `
WITH gone AS (DELETE FROM hermes.calls WHERE message = ANY ($1::bigint[]))
DELETE FROM hermes.steps WHERE message = ANY ($1::bigint[])`
