/**
 * The long rounds: `npm run chaos`, `npm run chaos -- 13 15` for some of them, and
 * `--scale 0.1` for a tenth of the rounds. Prints a figure a row and ends with 1
 * when a promise did not hold. HERMES_TEST_SEED repeats the choices of a run.
 */
import { parseArgs } from 'node:util'
import { SEED, seededRandom } from '../../test/support/chance.ts'
import { ROWS } from './rows.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { scale: { type: 'string', default: '1' } },
})
const chosen = positionals.map(Number)
const scale = Number(values.scale)

console.log(`HERMES_TEST_SEED=${SEED}`)
for (const row of ROWS.filter(({ fault }) => chosen.length === 0 || chosen.includes(fault))) {
  if (row.missing) {
    console.log(`skipped  ${row.fault}  ${row.title}: ${row.missing}`)
    continue
  }
  const rounds = Math.max(1, Math.round(row.rounds * scale))
  const started = performance.now()
  const { tokenRequests, doubles, lost, notes, broken } = await row.run(rounds, seededRandom(row.title))
  const seconds = ((performance.now() - started) / 1_000).toFixed(1)
  const holds = doubles === 0 && lost === 0 && broken.length === 0
  console.log(
    `${holds ? 'holds' : 'BROKEN'}  ${row.fault}  ${row.title}: ${rounds} rounds, ${tokenRequests} token requests, ` +
      `${doubles} doubles, ${lost} lost (${notes}; ${seconds} s)`,
  )
  for (const line of broken) console.log(`        ${line}`)
  if (!holds) process.exitCode = 1
}
