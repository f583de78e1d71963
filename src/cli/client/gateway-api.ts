import { randomBytes, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { serverProof } from '../../http/access/server-proof.ts'
import type { AskProof, ServerProof } from '../../http/wire.ts'
import { SECOND } from '../../support/clock.ts'
import { messageOf } from '../../support/errors.ts'
import { Secret } from '../../support/secret.ts'
import { isHomeHeld } from '../home-lock.ts'

/** A busy gateway on the same machine answers well within this time. */
const PROOF_MS = 10 * SECOND
/** 128 bits: no proof that was ever given fits a second time. */
const NONCE_BYTES = 16

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

/**
 * The running gateway of this home; null = none. It runs as long as it holds its lock: its file may be
 * left over from one that was killed, and its process id and port may be somebody else's by now.
 */
export async function findRunning(home: string): Promise<RunningGateway | null> {
  let running: RunningGateway
  try {
    running = JSON.parse(await readFile(runFile(home), 'utf8')) as RunningGateway
  } catch {
    return null
  }
  return (await isHomeHeld(home)) ? running : null
}

/** A client of a running gateway's HTTP API, with the token of its home. */
export class GatewayApi {
  readonly url: string
  readonly #token: Secret

  private constructor(url: string, token: Secret) {
    this.url = url
    this.#token = token
  }

  /**
   * The running gateway of `home`; null = none. It has shown that it knows the token before it is
   * given it.
   *
   * @param tokenFile the path of `gateway.token`
   * @throws Error when nothing answers where the gateway listens, or something else does
   */
  static async connect(home: string, tokenFile: string): Promise<GatewayApi | null> {
    const running = await findRunning(home)
    if (!running) return null
    const token = (await readFile(tokenFile, 'utf8').catch(() => '')).trim()
    if (token === '') return null
    const api = new GatewayApi(running.url, new Secret(token))
    await api.#requireProof()
    return api
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
    const authorization = `Bearer ${this.#token.reveal()}`
    try {
      return await fetch(new URL(path, this.url), {
        method,
        headers: { authorization, ...(body === undefined ? {} : JSON_BODY) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal ? { signal } : {}),
      })
    } catch (error) {
      signal?.throwIfAborted()
      throw this.#silent(error)
    }
  }

  async #requireProof(): Promise<void> {
    const nonce = randomBytes(NONCE_BYTES).toString('base64url')
    const expected = serverProof(this.#token, nonce, portOf(this.url))
    const given = await this.#askProof(nonce)
    if (given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected))) return
    throw new Error(
      `what answers at ${this.url} is not the gateway of this home: it was sent nothing. ` +
        'If the gateway is of another version, restart it.',
    )
  }

  /** What the server answers to `nonce`; empty = no proof. */
  async #askProof(nonce: string): Promise<string> {
    let response: Response
    try {
      response = await fetch(new URL('/api/proof', this.url), {
        method: 'POST',
        headers: JSON_BODY,
        body: JSON.stringify({ nonce } satisfies AskProof),
        redirect: 'error',
        signal: AbortSignal.timeout(PROOF_MS),
      })
    } catch (error) {
      throw this.#silent(error)
    }
    const body = (await response.json().catch(() => null)) as Partial<ServerProof> | null
    const proof: unknown = response.ok ? body?.proof : undefined
    // Of its alphabet alone: as many bytes as characters.
    return typeof proof === 'string' && /^[\w-]{1,64}$/.test(proof) ? proof : ''
  }

  #silent(error: unknown): Error {
    return new Error(`the gateway at ${this.url} does not answer (${messageOf(error)})`, { cause: error })
  }
}

const JSON_BODY = { 'content-type': 'application/json' } as const

function portOf(url: string): number {
  const { port } = new URL(url)
  // The address leaves out the port of its scheme.
  return port === '' ? 80 : Number(port)
}

function errorMessage(body: unknown): string | null {
  const error = (body as { error?: { message?: unknown } } | null)?.error
  return typeof error?.message === 'string' ? error.message : null
}
