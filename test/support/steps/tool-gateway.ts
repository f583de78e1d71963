import { readFileSync, unlinkSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Role } from '../../../src/inbox/fleet/fleet.ts'
import type { OpenStore } from '../../../src/storage/open-store.ts'

/**
 * The gateway's command, from the sources, with tools that write into the folder STEPS_FOLDER what they do. Where the file
 * `kill-at` there names a point and how many times it is passed first, it kills itself there: `a tool has begun 2`.
 * @see StepKillFixture
 */

enableCompileCache(process.env['XDG_CACHE_HOME'])
const { gatewayCommand } = await import('../../../src/cli/gateway.ts')
const { loggedTools } = await import('./logged-tools.ts')

const { values } = parseArgs({
  allowPositionals: true,
  options: { home: { type: 'string' }, role: { type: 'string', default: 'all' } },
})
const folder = process.env['STEPS_FOLDER']!
const killAt = join(folder, 'kill-at')

let order = ''
let passes = 0

function point(what: string): void {
  const [, wanted, times] = /^(.+) (\d+)$/.exec(readOrder()) ?? []
  if (wanted !== what) return
  if (order !== `${wanted} ${times}`) {
    order = `${wanted} ${times}`
    passes = Number(times)
  }
  if (passes-- > 0) return
  try {
    // One process dies for one order, also where several pass the point.
    unlinkSync(killAt)
  } catch {
    return
  }
  process.kill(process.pid, 'SIGKILL')
}

function readOrder(): string {
  try {
    return readFileSync(killAt, 'utf8')
  } catch {
    return ''
  }
}

function marked<Args extends unknown[], Result>(what: string, store: (...args: Args) => Promise<Result>) {
  return async (...args: Args): Promise<Result> => {
    point(`before ${what} is stored`)
    const result = await store(...args)
    point(`after ${what} is stored`)
    return result
  }
}

function markedStore(store: OpenStore): OpenStore {
  const { inbox } = store.storage
  const marks = {
    saveStep: marked('a response', inbox.saveStep),
    saveResult: marked('a result', inbox.saveResult),
    finish: marked('the answer', inbox.finish),
  }
  return { ...store, storage: { ...store.storage, inbox: { ...inbox, ...marks } } }
}

const code = await gatewayCommand(
  { home: values.home, sandbox: false, port: undefined, role: values.role as Role },
  {
    tools: loggedTools(folder, point),
    async runStep(name, start) {
      const started = await start()
      return name === 'store' ? (markedStore(started as OpenStore) as typeof started) : started
    },
  },
)
process.exit(code)
