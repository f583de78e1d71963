// `npm run dev`: the gateway in the sandbox from the sources, started again whenever one of them
// changes, behind Vite's server, which serves the page from the sources and reloads it. The browser
// knows Vite's address alone, so the gateway's checks of Host and Origin see one and the same name.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer as createNetServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createServer, type ViteDevServer } from 'vite'

const ROOT = join(import.meta.dirname, '..')

/** A checkout's own, so that two checkouts, or one beside an installed gateway, do not meet. */
const HOME = join(ROOT, '.dev')

/** Vite takes the next free one when it is taken. */
const PAGE_PORT = 5173

/** What `hermes gateway` prints when it is ready: its own address with a one-use ticket. */
const OWN_ADDRESS = /http:\/\/127\.0\.0\.1:\d+\/(?=#ticket=)/

const stop = stopRequest()
const gatewayPort = await freePort()
const page = await servePage(`http://127.0.0.1:${gatewayPort}`)
const gateway = startGateway(page)
const ended = once(gateway, 'exit')
await Promise.race([stop, ended])
// The gateway first: it ends the event streams that the proxy would otherwise wait for.
gateway.kill('SIGTERM')
await ended
await page.close()

function stopRequest(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve())
  return promise
}

/** The same for every restart, since the proxy learns it once. */
async function freePort(): Promise<number> {
  const server = createNetServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function servePage(target: string): Promise<ViteDevServer> {
  const server = await createServer({
    configFile: join(ROOT, 'vite.config.ts'),
    logLevel: 'info',
    clearScreen: false,
    server: {
      host: '127.0.0.1',
      port: PAGE_PORT,
      // The browser's Host goes through unchanged, or the gateway would see a foreign Origin.
      proxy: { '/api': { target, changeOrigin: false } },
      // By default all of the checkout could be asked for, the home with its tokens included.
      fs: { allow: ['web', 'src', 'node_modules'].map((folder) => join(ROOT, folder)) },
    },
  })
  return server.listen()
}

/**
 * A process group of its own, or the terminal's Ctrl-C would reach the gateway twice: directly, and
 * through the watcher. A second signal ends a gateway at once instead of cleanly.
 */
function startGateway(vite: ViteDevServer) {
  const child = spawn(
    process.execPath,
    [
      // Not what is imported: the storage's thread imports files of its own, which Node does not follow.
      `--watch-path=${join(ROOT, 'src')}`,
      '--watch-preserve-output',
      join(import.meta.dirname, 'hermes.ts'),
      '--home',
      HOME,
      'gateway',
      '--sandbox',
      '--port',
      String(gatewayPort),
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
      env: { ...process.env, ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}) },
    },
  )
  const address = vite.resolvedUrls?.local[0] ?? `http://127.0.0.1:${PAGE_PORT}/`
  createInterface({ input: child.stdout }).on('line', (line) => {
    process.stdout.write(`${line.replace(OWN_ADDRESS, address)}\n`)
  })
  return child
}
