import { afterAll } from 'vitest'
import { RUNNING } from './gateway-process.ts'

/** Imported by tests that start gateways: a process that outlives them is killed and fails them. */
afterAll(async () => {
  const leaked = [...RUNNING]
  await Promise.all(leaked.map((gateway) => gateway.kill('SIGKILL')))
  if (leaked.length > 0) throw new Error(`${leaked.length} gateways were left running by the tests`)
})
