/**
 * Operations whose statements both databases share. Each is a generator: it yields a statement and gets its
 * rows, so that SQLite runs it at once in its thread and PostgreSQL over the network.
 *
 * The text is what both understand, with PostgreSQL's `hermes.` and `$n`. A list is one parameter, compared by
 * `= ANY ($n::bigint[])` or `= ANY ($n::text[])`. SQLite's runner translates these.
 */
export interface Statement {
  readonly sql: string
  readonly params: readonly Parameter[]
}

export type Parameter = string | number | null | readonly string[] | readonly number[]

export type Steps<Result> = Generator<Statement, Result, readonly unknown[]>

/** Operations by name, as a storage runs them. */
export type Operations = Record<string, (...args: never[]) => Steps<unknown>>

export type ResultOf<Operation> = Operation extends (...args: never[]) => Steps<infer Result> ? Result : never

/** The rows of one statement. */
export function* query<Row>(sql: string, params: readonly Parameter[] = []): Steps<readonly Row[]> {
  return (yield { sql, params }) as readonly Row[]
}
