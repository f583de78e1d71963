import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Sandbox } from '../../../src/sandbox/sandbox.ts'
import { pause, until } from '../until.ts'
import { finish, type Finished, type GatewayProcess } from './gateway-process.ts'

/** A start of the command on a busy machine. */
const TIMEOUT_MS = 60_000

/** `hermes auth login` as a script runs it: reads the address from its output, and writes to its input. */
export class LoginCommand {
  /** What was printed so far. */
  stdout = ''
  readonly ended: Promise<Finished>
  readonly #child: ChildProcess

  constructor(gateway: GatewayProcess, flags: readonly string[] = ['--headless', '--yes']) {
    this.#child = gateway.command(['auth', 'login', ...flags])
    this.#child.stdout!.on('data', (chunk: Buffer) => (this.stdout += String(chunk)))
    this.ended = finish(this.#child)
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** The address to open. */
  async url(): Promise<string> {
    return await until(() => /^http\S+$/m.exec(this.stdout)?.[0], 'the address', TIMEOUT_MS)
  }

  write(text: string): void {
    this.#child.stdin!.write(text)
  }

  /** One byte after the other, as over a line that is hardly there. */
  async trickle(text: string, overMs: number): Promise<void> {
    for (const byte of text) {
      this.write(byte)
      await pause(overMs / text.length)
    }
  }

  /** Writes a line and leaves the input open, as most scripts do. */
  async line(text: string): Promise<Finished> {
    this.write(`${text}\n`)
    return await this.ended
  }

  /** The last that is written. */
  async end(text = ''): Promise<Finished> {
    this.#child.stdin!.end(text)
    return await this.ended
  }
}

/** The configuration of a home whose provider is this one. */
export function configFor(sandbox: Sandbox): Record<string, Record<string, unknown>> {
  const { url, authorizeUrl, tokenUrl, redirectUri } = sandbox
  return {
    model: { base_url: url },
    auth: { oauth: { authorize_url: authorizeUrl, token_urls: [tokenUrl], redirect_uri: redirectUri } },
  }
}

/** `credentials.json` as stored; null: there is none. */
export function storedSignIns(home: string): string | null {
  try {
    return readFileSync(join(home, 'credentials.json'), 'utf8')
  } catch {
    return null
  }
}
