import type { SQLInputValue } from 'node:sqlite'
import type { Operations, Parameter, ResultOf, Steps } from '../records/steps.ts'
import type { Session } from './thread/session.ts'

/** Runs an operation that both databases share, as a part of the open transaction. */
export function runSteps<Result>(session: Session, steps: Steps<Result>): Result {
  for (let step = steps.next(); ;) {
    if (step.done) return step.value
    const { sql, params } = step.value
    step = steps.next(session.all(translated(sql), ...params.map(valueOf)))
  }
}

/** The name of an operation among those of the thread: `pairing` and `save` are `pairingSave`. */
export type Prefixed<Prefix extends string, Name extends string> = Prefix extends ''
  ? Name
  : `${Prefix}${Capitalize<Name>}`

export function prefixed(prefix: string, name: string): string {
  return prefix === '' ? name : `${prefix}${name[0]!.toUpperCase()}${name.slice(1)}`
}

type Stepped<Shared extends Operations, Prefix extends string> = {
  [Name in keyof Shared & string as Prefixed<Prefix, Name>]: (
    session: Session,
    ...args: Parameters<Shared[Name]>
  ) => ResultOf<Shared[Name]>
}

/** Operations that both databases share, as those of the thread. */
export function stepped<Shared extends Operations, Prefix extends string>(
  prefix: Prefix,
  operations: Shared,
): Stepped<Shared, Prefix> {
  const entries = Object.entries(operations).map(([name, operation]) => [
    prefixed(prefix, name),
    (session: Session, ...args: never[]) => runSteps(session, operation(...args)),
  ])
  return Object.fromEntries(entries) as Stepped<Shared, Prefix>
}

const translations = new Map<string, string>()

/** A shared statement as SQLite reads it: one schema, parameters by number, a list as JSON, no locks of rows. */
function translated(sql: string): string {
  let text = translations.get(sql)
  if (text === undefined) {
    text = sql
      .replaceAll('hermes.', '')
      .replaceAll(/ FOR UPDATE(?: OF \w+)?/g, '')
      .replaceAll(/= ANY \(\$(\d+)::\w+\[\]\)/g, 'IN (SELECT value FROM json_each(?$1))')
      .replaceAll(/\$(\d+)/g, '?$1')
    translations.set(sql, text)
  }
  return text
}

function valueOf(value: Parameter): SQLInputValue {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value
}
