/**
 * The long rounds: `npm run chaos`, `npm run chaos -- 13 outside` for some of them,
 * `--scale 0.1` for a tenth of the rounds, and `--seconds 180` for the length of those that run by time. Prints a figure a row and ends with 1
 * when a promise did not hold. HERMES_TEST_SEED repeats the choices of a run.
 */
import { parseArgs } from 'node:util'
import { SEED, seededRandom } from '../../test/support/chance.ts'
import { ROWS } from './rows.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { scale: { type: 'string', default: '1' }, seconds: { type: 'string' } },
})
const scale = Number(values.scale)
const seconds = values.seconds === undefined ? null : Number(values.seconds)

console.log(`HERMES_TEST_SEED=${SEED}`)
for (const row of ROWS.filter(
  ({ fault }) => positionals.length === 0 || positionals.includes(String(fault)),
)) {
  if (row.missing) {
    console.log(`skipped  ${row.fault}  ${row.title}: ${row.missing}`)
    continue
  }
  const timed = row.unit === 'seconds' && seconds !== null
  const rounds = timed ? seconds : Math.max(1, Math.round(row.rounds * scale))
  const started = performance.now()
  const {
    tokenRequests,
    doubles,
    lost,
    notes,
    more = [],
    broken,
  } = await row.run(rounds, seededRandom(row.title))
  const taken = ((performance.now() - started) / 1_000).toFixed(1)
  const holds = doubles === 0 && lost === 0 && broken.length === 0
  console.log(
    `${holds ? 'holds' : 'BROKEN'}  ${row.fault}  ${row.title}: ${rounds} ${row.unit ?? 'rounds'}, ${tokenRequests} token requests, ` +
      `${doubles} doubles, ${lost} lost (${notes}; ${taken} s)`,
  )
  for (const line of more) console.log(`        ${line}`)
  for (const line of broken) console.log(`        ${line}`)
  if (!holds) process.exitCode = 1
}
