/** One event of a stream, as a browser would hand it to the page. */
export interface ReceivedEvent {
  readonly id: string | null
  readonly event: string
  readonly data: Record<string, unknown>
}

/** An open event stream; `events` grows as it is read. */
export interface SseClient extends Disposable {
  readonly status: number
  readonly events: ReceivedEvent[]
  /** Comments and fields that are no events, as they came. */
  readonly raw: string[]
  readonly ended: Promise<void>
  /** Resolves once `enough` holds. @throws after `ms` */
  until(enough: (events: readonly ReceivedEvent[]) => boolean, ms?: number): Promise<readonly ReceivedEvent[]>
}

export async function openSse(url: string, headers: Record<string, string> = {}): Promise<SseClient> {
  const abort = new AbortController()
  const response = await fetch(url, { headers, signal: abort.signal })
  const events: ReceivedEvent[] = []
  const raw: string[] = []
  const waiters = new Set<() => void>()
  const read = async (): Promise<void> => {
    let buffer = ''
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) {
      buffer += decoder.decode(chunk as Uint8Array, { stream: true })
      const parts = buffer.split('\n\n')
      buffer = parts.pop()!
      for (const part of parts) {
        const fields = new Map(part.split('\n').map((line) => splitField(line)))
        const data = fields.get('data')
        if (data === undefined) raw.push(part)
        else
          events.push({
            id: fields.get('id') ?? null,
            event: fields.get('event') ?? 'message',
            data: JSON.parse(data) as Record<string, unknown>,
          })
      }
      for (const waiter of waiters) waiter()
    }
  }
  const ended = read().catch(() => {})
  return {
    status: response.status,
    events,
    raw,
    ended,
    until(enough, ms = 5_000) {
      return new Promise((resolve, reject) => {
        const check = (): void => {
          if (!enough(events)) return
          clearTimeout(timer)
          waiters.delete(check)
          resolve(events)
        }
        const timer = setTimeout(() => {
          waiters.delete(check)
          reject(new Error(`not seen within ${ms} ms; seen: ${JSON.stringify(events)}`))
        }, ms)
        waiters.add(check)
        check()
      })
    },
    [Symbol.dispose]: () => abort.abort(),
  }
}

function splitField(line: string): [string, string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon), line.slice(colon + 1).trimStart()]
}
