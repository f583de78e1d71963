import { LiveConnection, type LiveEvent } from './live-connection.ts'
import { browserParts } from './live-parts.ts'

/** What a tab sends: the conversations it watches, or that it closes. */
export type TabMessage =
  | { readonly kind: 'watch'; readonly watched: ReadonlyMap<string, number> }
  | { readonly kind: 'wake' }
  | { readonly kind: 'bye' }

/**
 * Runs once for all tabs of this browser: holds the one stream, and forwards its
 * events to each tab.
 */
const tabs = new Map<MessagePort, ReadonlyMap<string, number>>()
const connection = new LiveConnection(
  browserParts((event: LiveEvent) => {
    for (const port of tabs.keys()) port.postMessage(event)
  }),
)

/** Each conversation from the earliest revision that any tab asks for. */
function watchAll(only: ReadonlyMap<string, number>): void {
  const wanted = new Map<string, number>()
  for (const watched of tabs.values()) for (const id of watched.keys()) wanted.set(id, Infinity)
  for (const [id, after] of only) wanted.set(id, after)
  connection.watch(wanted)
}

function leave(port: MessagePort): void {
  tabs.delete(port)
  if (tabs.size === 0) connection.pause()
  else watchAll(new Map())
}

addEventListener('connect', (event) => {
  const port = (event as MessageEvent).ports[0]!
  tabs.set(port, new Map())
  port.addEventListener('message', ({ data }: MessageEvent<TabMessage>) => {
    if (data.kind === 'bye') return leave(port)
    if (data.kind === 'watch') {
      tabs.set(port, data.watched)
      watchAll(data.watched)
    }
    connection.wake()
  })
  // Where supported: a crashed tab sends no message.
  port.addEventListener('close', () => leave(port))
  port.start()
  for (const known of connection.present()) port.postMessage(known)
})
