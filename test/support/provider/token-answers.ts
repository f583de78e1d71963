import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterThisTest } from './signed-in.ts'

export interface SeenRequest {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A token endpoint that gives every request the same answer; returns its address. `seen` collects the requests. */
export async function tokenEndpointThatSays(
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
  seen: SeenRequest[] = [],
): Promise<string> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    seen.push({ headers: request.headers, body: Buffer.concat(chunks).toString() })
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterThisTest(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/oauth/token`
}
