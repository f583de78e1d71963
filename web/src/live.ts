import { LiveConnection, type LiveEvent } from './live-connection.ts'
import { browserParts } from './live-parts.ts'
import type { TabMessage } from './live-worker.ts'

/** This tab's end of the live stream. */
export interface Live {
  /** Sets the conversations to stream, each after its revision. */
  watch(watched: ReadonlyMap<string, number>): void
}

/** A hidden page closes its stream after this; a shared one stays for the other tabs. */
const HIDDEN_MS = 30_000

/** Opens the live stream: one for all tabs where the browser can share, else one of this page's own. */
export function openLive(emit: (event: LiveEvent) => void): Live {
  return 'SharedWorker' in window ? shareLive(emit) : ownLive(emit)
}

function shareLive(emit: (event: LiveEvent) => void): Live {
  const worker = new SharedWorker(new URL('./live-worker.ts', import.meta.url), {
    type: 'module',
    name: 'hermes',
  })
  const { port } = worker
  const send = (message: TabMessage): void => port.postMessage(message)
  let watched: ReadonlyMap<string, number> = new Map()
  let own: Live | null = null
  // The gateway went away between the page and the worker's script: there will be no event from it.
  worker.addEventListener('error', () => {
    own ??= ownLive(emit)
    own.watch(watched)
  })
  port.addEventListener('message', ({ data }: MessageEvent<LiveEvent>) => emit(data))
  port.start()
  addEventListener('online', () => send({ kind: 'wake' }))
  addEventListener('pagehide', () => send({ kind: 'bye' }))
  // Restored from the back/forward cache.
  addEventListener('pageshow', (event) => event.persisted && send({ kind: 'watch', watched }))
  return {
    watch(next) {
      watched = next
      if (own) own.watch(watched)
      else send({ kind: 'watch', watched })
    },
  }
}

function ownLive(emit: (event: LiveEvent) => void): Live {
  const connection = new LiveConnection(browserParts(emit))
  let timer = 0
  addEventListener('online', () => connection.wake())
  addEventListener('pagehide', () => connection.pause())
  addEventListener('pageshow', () => connection.wake())
  document.addEventListener('visibilitychange', () => {
    clearTimeout(timer)
    if (document.hidden) timer = setTimeout(() => connection.pause(), HIDDEN_MS) as unknown as number
    else connection.wake()
  })
  return { watch: (watched) => connection.watch(watched) }
}
