import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Receives the code of a sign-in from a browser on this machine. */
export interface LoopbackCallback {
  readonly redirectUri: string
  /** The full redirect URL. A request without the expected state is ignored. */
  readonly arrived: Promise<string>
  /** Opens the sign-in page in the browser. */
  open(url: string): void
  close(): void
}

const PATH = '/callback'

/**
 * Listens on loopback for the redirect of a sign-in.
 *
 * @throws when no browser can be opened here
 * @see https://www.rfc-editor.org/rfc/rfc8252#section-7.3
 */
export async function startLoopbackCallback(): Promise<LoopbackCallback> {
  const opener = browserOpener()
  if (!opener) throw new Error('no display')
  const { promise: arrived, resolve } = Promise.withResolvers<string>()
  let expected: string | null = null
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (url.pathname !== PATH) {
      response.writeHead(404).end()
      return
    }
    // Any page in the browser can reach this port: a request without the state must not end the sign-in.
    const ours = expected !== null && url.searchParams.get('state') === expected
    const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' }
    response.writeHead(ours ? 200 : 400, headers)
    response.end(
      ours
        ? 'Received. You can close this page and return to the terminal.\n'
        : 'This does not belong to the sign-in in your terminal.\n',
    )
    if (ours) resolve(url.href)
  })
  await new Promise<void>((listening, failed) => {
    server.once('error', failed)
    server.listen(0, '127.0.0.1', listening)
  })
  const { port } = server.address() as AddressInfo
  return {
    redirectUri: `http://localhost:${port}${PATH}`,
    arrived,
    open(url) {
      expected = new URL(url).searchParams.get('state')
      const child = spawn(opener, [url], { stdio: 'ignore', detached: true })
      // The terminal shows the link as well.
      child.on('error', () => undefined)
      child.unref()
    },
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** The program that opens a link in the browser; null = no display. */
function browserOpener(): string | null {
  if (process.platform === 'darwin') return 'open'
  if (process.env.SSH_CONNECTION !== undefined) return null
  return process.env.DISPLAY !== undefined || process.env.WAYLAND_DISPLAY !== undefined ? 'xdg-open' : null
}
