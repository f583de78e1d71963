import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MEMORY_ENVIRONMENT } from '../../src/cli/service/unit.ts'

const ROOT = new URL('../..', import.meta.url).pathname

/** A process of a measurement; it ends with the `using` block. */
export class Measured implements AsyncDisposable {
  readonly child: ChildProcess

  constructor(child: ChildProcess) {
    this.child = child
  }

  get pid(): number {
    return this.child.pid!
  }

  /** Resident memory in MB. @see proc(5) */
  residentMb(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024
  }

  /** User and system time so far, in milliseconds. */
  cpuMs(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    // Clock ticks are hundredths of a second on Linux.
    return (Number(fields[11]) + Number(fields[12])) * 10
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null) return
    const ended = new Promise((resolve) => this.child.once('exit', resolve))
    this.child.kill('SIGTERM')
    await ended
  }
}

/** User and system time of a process, its children and those that have ended, in milliseconds. @see proc(5) */
export function treeCpuMs(root: number): number {
  let ticks = 0
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)!.split(' ').map(Number)
      const own = Number(name) === root
      if (own || fields[1] === root) ticks += fields[11]! + fields[12]!
      // Of the children that were waited for.
      if (own) ticks += fields[13]! + fields[14]!
    } catch {
      // It has ended in between, and counts with its parent now.
    }
  }
  return ticks * 10
}

/** Runs one of the project's scripts and resolves with the first line it prints. */
export async function startScript(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ process: Measured; line: string }> {
  const child = spawn(process.execPath, [join(ROOT, script), ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const line = await new Promise<string>((resolve, reject) => {
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      const end = text.indexOf('\n')
      if (end !== -1) resolve(text.slice(0, end))
    })
    child.once('exit', (code) => reject(new Error(`${script} ended with ${code} before it printed anything`)))
  })
  return { process: new Measured(child), line }
}

/**
 * Runs a script to its end and parses the last line that it prints, which is JSON.
 *
 * @param onLine is called at the first line
 */
export async function runScript<T>(
  script: string,
  args: readonly string[],
  onLine: () => void = () => {},
): Promise<T> {
  const child = spawn(process.execPath, [join(ROOT, script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    if (text === '') onLine()
    text += chunk
  })
  const code = await new Promise((resolve) => child.once('exit', resolve))
  if (code !== 0) throw new Error(`${script} ended with ${code}`)
  return JSON.parse(text.trim().split('\n').at(-1)!) as T
}

export interface BenchGatewayOptions {
  /** Further lines of the `gateway` section of `config.yaml`. */
  readonly gateway?: string
  /** Further sections. */
  readonly sections?: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** A home that stays; left out: an empty one that goes with the gateway. */
  readonly home?: string
}

/** A gateway of its own against the provider at `baseUrl`. */
export class BenchGateway implements AsyncDisposable {
  readonly process: Measured
  readonly url: string
  readonly token: string
  /** From the start of the process to the first `ready`, in milliseconds. */
  readonly readyMs: number
  readonly #ownHome: string | null

  private constructor(
    process: Measured,
    url: string,
    token: string,
    readyMs: number,
    ownHome: string | null,
  ) {
    this.process = process
    this.url = url
    this.token = token
    this.readyMs = readyMs
    this.#ownHome = ownHome
  }

  static async start(baseUrl: string, options: BenchGatewayOptions = {}): Promise<BenchGateway> {
    const { gateway = '', sections = '', args = [], env = {} } = options
    const ownHome = options.home === undefined ? mkdtempSync(join(tmpdir(), 'hermes-bench-')) : null
    const home = options.home ?? ownHome!
    const port = await freePort()
    writeFileSync(
      join(home, 'config.yaml'),
      `model:\n  base_url: ${baseUrl}\ngateway:\n  port: ${port}\n${gateway}${sections}`,
    )
    writeFileSync(join(home, '.env'), 'ANTHROPIC_API_KEY=sk-ant-api03-TEST-bench\n', { mode: 0o600 })
    const url = `http://127.0.0.1:${port}`
    const started = performance.now()
    const child = spawn(process.execPath, [join(ROOT, 'bin/hermes.js'), 'gateway', '--home', home, ...args], {
      // As the installed service starts it.
      env: { PATH: process.env.PATH, ...MEMORY_ENVIRONMENT, ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    while (!(await isReady(url))) {
      if (child.exitCode !== null) throw new Error(`the gateway ended with ${child.exitCode}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    const readyMs = performance.now() - started
    const token = readFileSync(join(home, 'gateway.token'), 'utf8').trim()
    return new BenchGateway(new Measured(child), url, token, readyMs, ownHome)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]()
    if (this.#ownHome) rmSync(this.#ownHome, { recursive: true, force: true })
  }
}

async function isReady(url: string): Promise<boolean> {
  return await fetch(`${url}/readyz`).then(
    (response) => response.ok,
    () => false,
  )
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
