import { relative } from 'node:path'
import * as fc from 'fast-check'
import { expect, onTestFailed } from 'vitest'
import { SEED, seededRandom, type Random } from './chance.ts'

/** Chance for the running test, the same again under the same seed. A test that fails prints how to repeat it. */
export function randomOfThisTest(): Random {
  printSeedOnFailure()
  return seededRandom(expect.getState().currentTestName ?? '')
}

/** `fc.assert` with the seed of this run. A failure prints the seed, the counterexample and how to repeat it. */
export function assertProperty<T>(
  property: fc.IAsyncProperty<T>,
  parameters?: fc.Parameters<T>,
): Promise<void>
export function assertProperty<T>(property: fc.IProperty<T>, parameters?: fc.Parameters<T>): void
export function assertProperty<T>(
  property: fc.IRawProperty<T>,
  parameters?: fc.Parameters<T>,
): void | Promise<void> {
  printSeedOnFailure()
  return fc.assert(property, { seed: SEED, ...parameters })
}

function printSeedOnFailure(): void {
  const file = relative(process.cwd(), expect.getState().testPath ?? '')
  onTestFailed(() => console.error(`To repeat this test: HERMES_TEST_SEED=${SEED} npx vitest run ${file}`))
}
