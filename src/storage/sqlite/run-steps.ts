import type { SQLInputValue } from 'node:sqlite'
import type { Parameter, Steps } from '../records/steps.ts'
import type { Session } from './thread/session.ts'

/** Runs an operation that both databases share, as a part of the open transaction. */
export function runSteps<Result>(session: Session, steps: Steps<Result>): Result {
  for (let step = steps.next(); ;) {
    if (step.done) return step.value
    const { sql, params } = step.value
    step = steps.next(session.all(translated(sql), ...params.map(valueOf)))
  }
}

/** An operation that both databases share, as one of the thread's. */
export function stepped<Args extends readonly unknown[], Result>(
  operation: (...args: Args) => Steps<Result>,
): (session: Session, ...args: Args) => Result {
  return (session, ...args) => runSteps(session, operation(...args))
}

const translations = new Map<string, string>()

/** A shared statement as SQLite reads it: one schema, parameters by number, a list as JSON. */
function translated(sql: string): string {
  let text = translations.get(sql)
  if (text === undefined) {
    text = sql
      .replaceAll('hermes.', '')
      .replaceAll(/= ANY \(\$(\d+)::\w+\[\]\)/g, 'IN (SELECT value FROM json_each(?$1))')
      .replaceAll(/\$(\d+)/g, '?$1')
    translations.set(sql, text)
  }
  return text
}

function valueOf(value: Parameter): SQLInputValue {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value
}
