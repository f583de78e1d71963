import childProcess from 'node:child_process'
import { syncBuiltinESMExports } from 'node:module'

/** Set up for the unit tests: one that starts a process fails, and says where it belongs. */
function refuse(): never {
  throw new Error('a unit test starts no process: name this file in STARTS_PROCESSES of vitest.config.ts')
}

Object.assign(childProcess, {
  exec: refuse,
  execFile: refuse,
  execFileSync: refuse,
  execSync: refuse,
  fork: refuse,
  spawn: refuse,
  spawnSync: refuse,
})
syncBuiltinESMExports()
