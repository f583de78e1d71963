/**
 * The long rounds: `npm run chaos`, `npm run chaos -- 13 outside` for some of them, `--storage postgres` for those on
 * one storage, `--rounds 20` or `--scale 0.1` for fewer rounds, and `--seconds 180` for the length of those that run by
 * time. Prints a figure a row and ends with 1 when a promise did not hold. HERMES_TEST_SEED repeats the choices of a run.
 */
import { parseArgs } from 'node:util'
import { SEED, seededRandom } from '../../test/support/chance.ts'
import type { ChaosRow } from './row.ts'
import { ROWS } from './rows.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    scale: { type: 'string', default: '1' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    storage: { type: 'string' },
  },
})
const scale = Number(values.scale)
const seconds = values.seconds === undefined ? null : Number(values.seconds)

console.log(`HERMES_TEST_SEED=${SEED}`)
const isChosen = ({ fault, storage }: ChaosRow) =>
  (positionals.length === 0 || positionals.includes(String(fault))) &&
  (values.storage === undefined || storage === values.storage)
for (const row of ROWS.filter(isChosen)) {
  if (row.missing) {
    console.log(`skipped  ${row.fault}  ${row.title}: ${row.missing}`)
    continue
  }
  const isTimed = row.unit === 'seconds'
  const chosen = isTimed ? seconds : values.rounds === undefined ? null : Number(values.rounds)
  const rounds = chosen ?? Math.max(1, Math.round(row.rounds * scale))
  const started = performance.now()
  const {
    tokenRequests,
    doubles,
    lost,
    notes,
    more = [],
    broken,
  } = await row.run(rounds, seededRandom(row.title), (line) => console.error(`${row.fault}  ${line}`))
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
