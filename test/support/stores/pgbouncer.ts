import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../processes/free-port.ts'
import { pause } from '../until.ts'

const PATHS = [
  '/usr/sbin/pgbouncer',
  '/usr/bin/pgbouncer',
  '/usr/local/bin/pgbouncer',
  '/opt/homebrew/bin/pgbouncer',
]
const program = PATHS.find((path) => existsSync(path)) ?? null

/** PgBouncer refuses to run as root; `nobody` may run it. */
const NOBODY = 65_534

/** What is handed to `describe.skipIf`: in CI, where one is installed, such tests run and fail instead. */
export const withoutPgBouncer: boolean = program === null && process.env['CI'] !== 'true'

/** Ends the name of such a suite, so that a skip shows its reason. */
export const whyWithoutPgBouncer: string = withoutPgBouncer
  ? " (no PgBouncer: install Debian's pgbouncer)"
  : ''

/** A PgBouncer before the server at `upstream`. */
export async function startPgBouncer(
  upstream: string,
  settings: Readonly<Record<string, string>>,
): Promise<{ readonly url: string } & AsyncDisposable> {
  if (!program) throw new Error("no PgBouncer: install Debian's pgbouncer")
  const { hostname, port, pathname, username } = new URL(upstream)
  const folder = mkdtempSync(join(tmpdir(), 'hermes-pgbouncer-'))
  const own = await freePort()
  const all = {
    listen_addr: '127.0.0.1',
    listen_port: String(own),
    auth_type: 'any',
    unix_socket_dir: '',
    ...settings,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`)
  const file = join(folder, 'pgbouncer.ini')
  const target = `host=${hostname} port=${port} dbname=${pathname.slice(1)} user=${username}`
  writeFileSync(file, `[databases]\n* = ${target}\n[pgbouncer]\n${lines.join('\n')}\n`)
  const root = process.getuid?.() === 0
  if (root) for (const path of [folder, file]) chownSync(path, NOBODY, NOBODY)
  const child = spawn(program, [file], { stdio: 'ignore', ...(root ? { uid: NOBODY, gid: NOBODY } : {}) })
  const exit = once(child, 'exit')
  while (!(await answers(own))) {
    if (child.exitCode !== null) throw new Error('PgBouncer did not start')
    await pause(20)
  }
  return {
    url: `postgres://${username}@127.0.0.1:${own}${pathname}`,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exit
      rmSync(folder, { recursive: true })
    },
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
