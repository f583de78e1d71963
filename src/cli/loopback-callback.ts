import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Receives the code from a browser on this machine. */
export interface LoopbackCallback {
  readonly redirectUri: string
  /** The whole address that the browser ended at. */
  readonly arrived: Promise<string>
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
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (url.pathname !== PATH) {
      response.writeHead(404).end()
      return
    }
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
    response.end('Thank you. You can close this page and go back to the terminal.\n')
    resolve(url.href)
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
      const child = spawn(opener, [url], { stdio: 'ignore', detached: true })
      // The address stands on the terminal, too.
      child.on('error', () => undefined)
      child.unref()
    },
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** The program that opens an address in the person's browser; null = there is no screen here. */
function browserOpener(): string | null {
  if (process.platform === 'darwin') return 'open'
  if (process.env.SSH_CONNECTION !== undefined) return null
  return process.env.DISPLAY !== undefined || process.env.WAYLAND_DISPLAY !== undefined ? 'xdg-open' : null
}
