import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../support/errors.ts'

/** How to reach a running gateway; written to its home when it is ready. */
export interface RunningGateway {
  readonly pid: number
  /** `http://127.0.0.1:8642` */
  readonly url: string
  readonly startedAt: string
  /** The address of the simulated Anthropic; null = the real one is used. */
  readonly sandbox: string | null
}

/** An internal file: only our own commands read it. */
export function runFile(home: string): string {
  return join(home, 'gateway.run.json')
}

/** The running gateway of this home; null = none. */
export async function findRunning(home: string): Promise<RunningGateway | null> {
  let running: RunningGateway
  try {
    running = JSON.parse(await readFile(runFile(home), 'utf8')) as RunningGateway
  } catch {
    return null
  }
  return isAlive(running.pid) ? running : null
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: the process is alive and belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** A client of a running gateway's HTTP API, with the token of its home. */
export class GatewayApi {
  readonly url: string
  readonly #token: string

  constructor(url: string, token: string) {
    this.url = url
    this.#token = token
  }

  /**
   * The running gateway of `home`; null = none.
   *
   * @param tokenFile the path of `gateway.token`
   */
  static async connect(home: string, tokenFile: string): Promise<GatewayApi | null> {
    const running = await findRunning(home)
    if (!running) return null
    const token = await readFile(tokenFile, 'utf8').catch(() => null)
    return token === null ? null : new GatewayApi(running.url, token.trim())
  }

  /** The parsed response body. @throws Error with the gateway's message if it refuses */
  async call<T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> {
    const response = await this.fetch(method, path, body)
    const parsed: unknown = await response.json().catch(() => null)
    if (!response.ok)
      throw new Error(errorMessage(parsed) ?? `the gateway answered with status ${response.status}`)
    return parsed as T
  }

  async fetch(method: 'GET' | 'POST', path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
    try {
      return await fetch(new URL(path, this.url), {
        method,
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal ? { signal } : {}),
      })
    } catch (error) {
      signal?.throwIfAborted()
      throw new Error(`the gateway at ${this.url} does not answer (${messageOf(error)})`, { cause: error })
    }
  }
}

function errorMessage(body: unknown): string | null {
  const error = (body as { error?: { message?: unknown } } | null)?.error
  return typeof error?.message === 'string' ? error.message : null
}
