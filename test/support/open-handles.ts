import { createHook } from 'node:async_hooks'
import { readdirSync, readlinkSync } from 'node:fs'

/** What keeps something of the operating system or of the event loop, as `async_hooks` names it. */
const KINDS: ReadonlySet<string> = new Set([
  'FSEVENTWRAP',
  'MESSAGEPORT',
  'PIPEWRAP',
  'PROCESSWRAP',
  'STATWATCHER',
  'TCPSERVERWRAP',
  'TCPWRAP',
  'TLSWRAP',
  'Timeout',
  'WORKER',
])

/**
 * A line of a stack that is the program's own and says who wanted it; the simulated provider is none of
 * the gateway's.
 */
const OWN_LINE = /\/src\/(?!sandbox\/|support\/clock)[^\n]*/

/** Deep enough that a timer of a library still shows who has called it. */
const STACK_LINES = 60

/**
 * Timers, sockets, files, workers and child processes that the program opens from here on, whether or
 * not they keep the process alive.
 */
export class OpenHandles implements Disposable {
  readonly #open = new Map<number, string>()
  readonly #resources = countResources()
  readonly #hook = createHook({
    init: (id, kind) => {
      if (!KINDS.has(kind)) return
      const line = ownLine()
      // A library's own timers, such as those of idle connections, end with what they belong to.
      if (kind === 'Timeout' && line === null) return
      this.#open.set(id, `${kind} ${line ?? 'of a library'}`)
    },
    destroy: (id) => void this.#open.delete(id),
  })

  constructor() {
    this.#hook.enable()
  }

  /** What is open still, each with the line that opened it. */
  get left(): readonly string[] {
    const more = [...countResources()].filter(([kind, count]) => count > (this.#resources.get(kind) ?? 0))
    return [...this.#open.values(), ...more.map(([kind, count]) => `${count} × ${kind}`)]
  }

  [Symbol.dispose](): void {
    this.#hook.disable()
  }
}

/** What this process holds open below `folder`; where the system does not tell, nothing. */
export function openFilesBelow(folder: string): readonly string[] {
  const descriptors = process.platform === 'linux' ? readdirSync('/proc/self/fd') : []
  return descriptors.flatMap((descriptor) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${descriptor}`)
      return target.startsWith(`${folder}/`) ? [target] : []
    } catch {
      // The one that has listed the folder is closed by now.
      return []
    }
  })
}

function ownLine(): string | null {
  const usual = Error.stackTraceLimit
  Error.stackTraceLimit = STACK_LINES
  const { stack } = new Error('opened here')
  Error.stackTraceLimit = usual
  // Its timer cannot be ended, and keeps hold of nothing.
  if (stack?.includes('AbortSignal.timeout')) return null
  return OWN_LINE.exec(stack ?? '')?.[0] ?? null
}

function countResources(): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return counts
}
