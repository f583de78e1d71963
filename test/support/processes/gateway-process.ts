import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { pause } from '../until.ts'
import { freePort } from './free-port.ts'

/**
 * The built gateway as a process of its own on a home of its own: killed, stopped and
 * started again as an operator or a failing machine would, and observed only from outside.
 */

export const BIN = fileURLToPath(new URL('../../../bin/hermes.js', import.meta.url))
/** The gateway's command with tools, from the sources. It needs the variable STEPS_FOLDER. */
export const TOOL_GATEWAY = fileURLToPath(new URL('../steps/tool-gateway.ts', import.meta.url))

/** The machine may be busy with other tests. */
const START_TIMEOUT_MS = 90_000
/** A gateway ends within 35 s of SIGTERM at the latest. */
const STOP_TIMEOUT_MS = 45_000
/** The line that a gateway prints when it can be reached. */
/** Outside of the homes, whose files are compared. */
const COMPILED_CODE = fileURLToPath(new URL('../../../node_modules/.cache', import.meta.url))
mkdirSync(COMPILED_CODE, { recursive: true })

const READY_LINE = /^(?:Open|Listening on) /m

export interface GatewayOptions {
  /** `config.yaml`, as an object; the port is added. */
  readonly config?: Readonly<Record<string, unknown>>
  /** The home's `.env`. */
  readonly env?: Readonly<Record<string, string>>
  /** For the process itself, in addition to PATH and a HOME inside the gateway's home. */
  readonly processEnv?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
  /** The program of another package than this one. */
  readonly bin?: string
  /** An existing folder, which is kept afterwards; a fresh one otherwise. */
  readonly home?: string
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Finished extends Ended {
  readonly stdout: string
  readonly stderr: string
}

/** A message of the inbox as it is stored. */
export interface StoredRow {
  readonly text: string
  readonly state: string
  readonly role: string
  /** When it was stored, in epoch milliseconds. */
  readonly at: number
}

export class GatewayProcess implements AsyncDisposable {
  readonly home: string
  readonly port: number
  /** Everything that was printed since the first start. */
  stdout = ''
  stderr = ''
  readonly #options: GatewayOptions
  #child: ChildProcess | null = null
  #ended: Promise<Ended> = Promise.resolve({ code: 0, signal: null })

  private constructor(home: string, port: number, options: GatewayOptions) {
    this.home = home
    this.port = port
    this.#options = options
  }

  /** A home with these files, and no process yet. */
  static async prepare(options: GatewayOptions = {}): Promise<GatewayProcess> {
    const home = options.home ?? mkdtempSync(join(tmpdir(), 'hermes-gateway-'))
    const gateway = new GatewayProcess(home, await freePort(), options)
    gateway.configure(options.config ?? {})
    gateway.setEnv(options.env ?? {})
    return gateway
  }

  /** Resolves when the gateway can be reached. @throws when it ends before that */
  static async start(options: GatewayOptions = {}): Promise<GatewayProcess> {
    const gateway = await GatewayProcess.prepare(options)
    try {
      await gateway.start()
      return gateway
    } catch (error) {
      await gateway[Symbol.asyncDispose]()
      throw error
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get pid(): number {
    if (!this.#child?.pid) throw new Error('the gateway does not run')
    return this.#child.pid
  }

  /** How the last process ended; pending while it runs. */
  get ended(): Promise<Ended> {
    return this.#ended
  }

  get running(): boolean {
    return this.#child !== null
  }

  /** The bearer token of the HTTP API. */
  get token(): string {
    return readFileSync(join(this.home, 'gateway.token'), 'utf8').trim()
  }

  /** Replaces `config.yaml`; JSON is YAML. */
  configure(config: Readonly<Record<string, unknown>>): void {
    // Each message has an answer of its own, by which tests know it, unless they say otherwise.
    const apart = { hold: { merge: false } }
    const gateway = { ...apart, ...(config['gateway'] as object | undefined), port: this.port }
    writeFileSync(join(this.home, 'config.yaml'), JSON.stringify({ ...config, gateway }), { mode: 0o600 })
  }

  /** Replaces `.env`. */
  setEnv(env: Readonly<Record<string, string>>): void {
    const lines = Object.entries(env).map(([name, value]) => `${name}=${value}\n`)
    writeFileSync(join(this.home, '.env'), lines.join(''), { mode: 0o600 })
  }

  /** Starts the process (again), on the same home and port. */
  async start(): Promise<void> {
    this.spawn()
    const before = this.stdout.length
    await this.#until(() => READY_LINE.test(this.stdout.slice(before)), 'to be reachable')
  }

  /** Starts the process without waiting for anything. */
  spawn(): void {
    if (this.#child) throw new Error('the gateway runs already')
    const child = this.#spawn(['gateway', ...(this.#options.args ?? [])])
    child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.stdout += text))
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    this.#child = child
    RUNNING.add(this)
    this.#ended = new Promise((resolve) => {
      child.on('close', (code, signal) => {
        this.#child = null
        RUNNING.delete(this)
        resolve({ code, signal })
      })
    })
  }

  /** Sends the signal at once; SIGKILL and SIGTERM resolve when the process is gone. */
  async kill(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT' | 'SIGUSR2'): Promise<Ended | null> {
    this.#child?.kill(signal)
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') return null
    return Promise.race([
      this.#ended,
      new Promise<never>((_resolve, reject) => {
        setTimeout(
          () => reject(new Error(`the gateway is still there after ${signal}:\n${this.stderr}`)),
          STOP_TIMEOUT_MS,
        ).unref()
      }),
    ])
  }

  /** Nobody reads any more what the gateway prints. */
  closeOutput(): void {
    this.#child?.stdout?.destroy()
    this.#child?.stderr?.destroy()
  }

  async restart(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await this.kill(signal)
    await this.start()
  }

  /** Another command on the same home, with what it is to read; resolves at its end. */
  async run(args: readonly string[], input = ''): Promise<Finished> {
    const child = this.#spawn(args)
    return finish(child, (stdin) => stdin.end(input))
  }

  /** Another command that is talked to while it runs. */
  command(args: readonly string[]): ChildProcess {
    return this.#spawn(args)
  }

  /** A request to the HTTP API with the home's token. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${this.token}`, ...(init.headers as Record<string, string>) }
    return fetch(this.url + path, { ...init, headers })
  }

  async json<T>(path: string): Promise<T> {
    const response = await this.fetch(path)
    if (!response.ok) throw new Error(`${path} answered ${response.status}`)
    return (await response.json()) as T
  }

  /** A message of the web chat. */
  say(conversation: string, text: string, messageId?: string): Promise<Response> {
    return this.fetch(`/api/conversations/${conversation}/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text, ...(messageId ? { messageId } : {}) }),
    })
  }

  /** `GET /readyz`; status 0: nobody answers. */
  async readiness(): Promise<{ status: number; state: string; reason: string | null }> {
    try {
      const response = await fetch(`${this.url}/readyz`)
      const body = (await response.json()) as { status: string; reason?: string }
      return { status: response.status, state: body.status, reason: body.reason ?? null }
    } catch {
      return { status: 0, state: 'gone', reason: null }
    }
  }

  /**
   * What the database of a killed gateway holds. It is read from a copy, so that nothing is tidied up for
   * the next start.
   */
  stored(): StoredRow[] {
    const copy = mkdtempSync(join(tmpdir(), 'hermes-copy-'))
    try {
      for (const name of ['hermes.db', 'hermes.db-wal']) {
        // A gateway that ended in good order has merged its log.
        if (existsSync(join(this.home, name))) cpSync(join(this.home, name), join(copy, name))
      }
      using database = new DatabaseSync(join(copy, 'hermes.db'))
      const rows = database.prepare('SELECT text, state, role, at FROM messages ORDER BY key').all()
      return rows as unknown as StoredRow[]
    } finally {
      rmSync(copy, { recursive: true })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child) {
      // A stopped process does not hear SIGTERM, and nothing here is worth waiting for.
      this.#child.kill('SIGKILL')
      await this.#ended
    }
    if (this.#options.home === undefined) rmSync(this.home, { recursive: true, force: true })
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT_MS
    while (!condition()) {
      if (!this.#child) {
        const { code, signal } = await this.#ended
        throw new Error(`the gateway ended with ${code ?? signal} instead of coming ${what}:\n${this.stderr}`)
      }
      if (performance.now() > deadline) throw new Error(`the gateway takes too long ${what}:\n${this.stderr}`)
      await pause(5)
    }
  }

  #spawn(args: readonly string[]): ChildProcess {
    return spawn(process.execPath, [this.#options.bin ?? BIN, ...args, '--home', this.home], {
      // Nothing of the environment of the tests: a real token there must not decide them.
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: this.home,
        XDG_CACHE_HOME: COMPILED_CODE,
        ...this.#options.processEnv,
      },
      stdio: 'pipe',
    })
  }
}

/** Resolves at the end of a command, with all that it printed. */
export function finish(
  child: ChildProcess,
  talk?: (stdin: NonNullable<ChildProcess['stdin']>) => void,
): Promise<Finished> {
  let stdout = ''
  let stderr = ''
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  // A command that ends without reading its input is none of our business.
  child.stdin!.on('error', () => undefined)
  talk?.(child.stdin!)
  return new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
}

/** Processes that run now; `no-gateway-left.ts` checks them after a file's tests. */
export const RUNNING = new Set<GatewayProcess>()
