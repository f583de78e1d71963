import type { GatewayApi } from './gateway-api.ts'

/**
 * Opens an event stream. Comments are dropped.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export async function readEvents(
  api: GatewayApi,
  path: string,
  signal: AbortSignal,
): Promise<AsyncIterable<{ event: string; data: string }>> {
  const response = await api.fetch('GET', path, undefined, signal)
  if (!response.ok || !response.body) throw new Error(`the gateway answered with status ${response.status}`)
  return parse(response.body)
}

async function* parse(body: ReadableStream<Uint8Array>): AsyncIterable<{ event: string; data: string }> {
  let buffer = ''
  const decoder = new TextDecoder()
  for await (const chunk of body) {
    buffer += decoder.decode(chunk, { stream: true })
    for (let end = buffer.indexOf('\n\n'); end !== -1; end = buffer.indexOf('\n\n')) {
      const block = buffer.slice(0, end)
      buffer = buffer.slice(end + 2)
      let event = 'message'
      let data = ''
      for (const line of block.split('\n')) {
        if (line.startsWith('event:')) event = line.slice(6).trim()
        else if (line.startsWith('data:')) data += line.slice(5).trim()
      }
      if (data !== '') yield { event, data }
    }
  }
}
