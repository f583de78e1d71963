import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Receives the code of a sign-in from a browser on this machine. */
export interface LoopbackCallback {
  readonly redirectUri: string
  /** The full redirect URL. A request without the expected state is ignored. */
  readonly arrived: Promise<string>
  /**
   * Opens the sign-in page in the browser. Its address holds what finishes the sign-in, and arguments of a
   * program are read by every user of the machine: the browser gets it from here, once.
   */
  open(url: string): void
  close(): void
}

const PATH = '/callback'
/** 128 bits: nobody finds the way to the sign-in page by trying. */
const START_BYTES = 16

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
  const start = `/start/${randomBytes(START_BYTES).toString('base64url')}`
  let expected: string | null = null
  let signInPage: string | null = null
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (url.pathname === start) {
      if (signInPage === null) {
        // Somebody else may have been first: what comes back now could be his.
        expected = null
        response.writeHead(410, PLAIN).end('This link was opened before. Begin again in the terminal.\n')
        return
      }
      response.writeHead(302, { ...PLAIN, location: signInPage, 'referrer-policy': 'no-referrer' }).end()
      signInPage = null
      return
    }
    if (url.pathname !== PATH) {
      response.writeHead(404).end()
      return
    }
    // Any page in the browser can reach this port: a request without the state must not end the sign-in.
    const ours = expected !== null && url.searchParams.get('state') === expected
    response.writeHead(ours ? 200 : 400, PLAIN)
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
      signInPage = url
      const child = spawn(opener, [`http://127.0.0.1:${port}${start}`], { stdio: 'ignore', detached: true })
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

const PLAIN = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' } as const

/** The program that opens a link in the browser; null = no display. */
function browserOpener(): string | null {
  if (process.platform === 'darwin') return 'open'
  if (process.env.SSH_CONNECTION !== undefined) return null
  return process.env.DISPLAY !== undefined || process.env.WAYLAND_DISPLAY !== undefined ? 'xdg-open' : null
}
