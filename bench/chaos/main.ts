/**
 * The long trials: `npm run chaos`, `npm run chaos -- 13 15` for some of them, and
 * `--scale 0.1` for a tenth of the rounds. Prints a figure a row and ends with 1
 * when a promise did not hold.
 */
import { parseArgs } from 'node:util'
import { abandonedLocks } from './13-abandoned-locks.ts'
import { sharedSignIn, sharedWithClaudeCode } from './13-shared-sign-in.ts'
import { stoppedHolder } from './14-stopped-holder.ts'
import { killedInMidRefresh } from './15-killed.ts'
import { killedAtRename } from './16-killed-at-rename.ts'
import { staggeredRejections } from './33-staggered-rejections.ts'
import { killedOnTheWay } from './35-killed-on-the-way.ts'
import { programsOnTheWay } from './35-programs.ts'
import { platformRows } from './40-platforms.ts'
import { disturbedFleet, fleetSignIn } from './61-fleet-sign-in.ts'
import { fleetKills } from './62-fleet-kills.ts'
import type { ChaosRow } from './row.ts'

/** Every row there is; a new one is a file of its own and a line here. */
const ROWS: readonly ChaosRow[] = [
  sharedSignIn,
  sharedWithClaudeCode,
  abandonedLocks,
  stoppedHolder,
  killedInMidRefresh,
  killedAtRename,
  staggeredRejections,
  killedOnTheWay,
  programsOnTheWay,
  ...platformRows,
  fleetSignIn,
  disturbedFleet,
  fleetKills,
]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { scale: { type: 'string', default: '1' } },
})
const chosen = positionals.map(Number)
const scale = Number(values.scale)

for (const row of ROWS.filter(({ fault }) => chosen.length === 0 || chosen.includes(fault))) {
  const rounds = Math.max(1, Math.round(row.rounds * scale))
  const started = performance.now()
  const { tokenRequests, doubles, lost, notes, broken } = await row.run(rounds)
  const seconds = ((performance.now() - started) / 1_000).toFixed(1)
  const holds = doubles === 0 && lost === 0 && broken.length === 0
  console.log(
    `${holds ? 'holds' : 'BROKEN'}  ${row.fault}  ${row.title}: ${rounds} rounds, ${tokenRequests} token requests, ` +
      `${doubles} doubles, ${lost} lost (${notes}; ${seconds} s)`,
  )
  for (const line of broken) console.log(`        ${line}`)
  if (!holds) process.exitCode = 1
}
