import { expect, test } from 'vitest'
import type { ChaosRow } from '../../bench/chaos/row.ts'
import { randomOfThisTest } from './test-chance.ts'

/** Each row runs hundreds of rounds in `npm run chaos`. */
const ROUNDS = 5
/** A start takes half a second on an idle machine, and many seconds on a busy one. */
const TIMEOUT_MS = 180_000

/** A test for each of these rows of `npm run chaos`, with a few of its rounds. */
export function fewRounds(rows: readonly ChaosRow[], rounds = ROUNDS): void {
  for (const row of rows) {
    const skipped = Boolean(row.missing) && process.env['CI'] !== 'true'
    test.skipIf(skipped)(
      `${rounds} ${row.unit ?? 'rounds'} of: ${row.title}${skipped ? ` (${row.missing})` : ''}`,
      { timeout: TIMEOUT_MS },
      async () => {
        const { broken, doubles, lost } = await row.run(rounds, randomOfThisTest())
        expect(broken).toEqual([])
        expect({ doubles, lost }).toEqual({ doubles: 0, lost: 0 })
      },
    )
  }
}
