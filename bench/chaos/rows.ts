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
import { killedBetweenSteps } from './64-killed-between-steps.ts'
import { outside } from './outside.ts'
import type { ChaosRow } from './row.ts'

/** Every row there is. The suite runs a few rounds of each, in the test files of its fault. */
export const ROWS: readonly ChaosRow[] = [
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
  ...killedBetweenSteps,
  outside,
]
