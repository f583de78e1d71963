import { randomBytes, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { serverProof } from '../../http/access/server-proof.ts'
import type { AskProof, ServerProof } from '../../http/wire.ts'
import { SECOND } from '../../support/clock.ts'
import { HermesError, messageOf } from '../../support/errors.ts'
import { limitBody } from '../../support/limit-body.ts'
import { Secret } from '../../support/secret.ts'
import { isHomeHeld } from '../home-lock.ts'
import { OneConnection } from './one-connection.ts'

/** A busy gateway on the same machine answers well within this time. */
const PROOF_MS = 10 * SECOND
/** A proof is 43 characters: what is longer by far is no gateway. */
const MAX_PROOF_ANSWER = 1024
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

/** Another program listens where the gateway should. */
export class ForeignListener extends HermesError {}

/** A client of a running gateway's HTTP API, with the token of its home. */
export class GatewayApi {
  readonly url: string
  readonly #token: Secret

  private constructor(url: string, token: Secret) {
    this.url = url
    this.#token = token
  }

  /**
   * The running gateway of `home`; null = none. It has shown that it knows the token.
   *
   * @param tokenFile the path of `gateway.token`
   * @throws ForeignListener; Error when nothing answers where the gateway listens
   */
  static async connect(home: string, tokenFile: string): Promise<GatewayApi | null> {
    const running = await findRunning(home)
    if (!running) return null
    const token = (await readFile(tokenFile, 'utf8').catch(() => '')).trim()
    if (token === '') return null
    const api = new GatewayApi(running.url, new Secret(token))
    const connection = await api.#connect()
    connection.close()
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

  /**
   * Sends one request, with the token, over a connection whose other end has just proved itself: a gateway
   * may end at any time, and another program take its port.
   */
  async fetch(method: 'GET' | 'POST', path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
    signal?.throwIfAborted()
    const connection = await this.#connect()
    try {
      return await connection.send(method, path, {
        body,
        headers: { authorization: `Bearer ${this.#token.reveal()}` },
        last: true,
        ...(signal ? { signal } : {}),
      })
    } catch (error) {
      connection.close()
      signal?.throwIfAborted()
      throw this.#silent(error)
    }
  }

  /** A connection to the gateway of this home, which has proved itself on it. */
  async #connect(): Promise<OneConnection> {
    const connection = new OneConnection(this.url)
    const nonce = randomBytes(NONCE_BYTES).toString('base64url')
    const expected = serverProof(this.#token, nonce, portOf(this.url))
    let given: string
    try {
      const body: AskProof = { nonce }
      const response = await connection.send('POST', '/api/proof', {
        body,
        signal: AbortSignal.timeout(PROOF_MS),
      })
      given = await proofIn(response)
    } catch (error) {
      connection.close()
      throw this.#silent(error)
    }
    if (given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected)))
      return connection
    connection.close()
    throw new ForeignListener(
      `what answers at ${this.url} is not the gateway of this home: it was sent nothing. ` +
        'If the gateway is of another version, restart it.',
    )
  }

  #silent(error: unknown): Error {
    return new Error(`the gateway at ${this.url} does not answer (${messageOf(error)})`, { cause: error })
  }
}

/** What the server answers to a nonce; empty = no proof. @throws when the answer is too long to be one */
async function proofIn(response: Response): Promise<string> {
  const text = await limitBody(response, { maxBytes: MAX_PROOF_ANSWER }).text()
  if (!response.ok) return ''
  let proof: unknown
  try {
    proof = (JSON.parse(text) as Partial<ServerProof> | null)?.proof
  } catch {
    return ''
  }
  // Of its alphabet alone: as many bytes as characters.
  return typeof proof === 'string' && /^[\w-]{1,64}$/.test(proof) ? proof : ''
}

function portOf(url: string): number {
  const { port } = new URL(url)
  // The address leaves out the port of its scheme.
  return port === '' ? 80 : Number(port)
}

function errorMessage(body: unknown): string | null {
  const error = (body as { error?: { message?: unknown } } | null)?.error
  return typeof error?.message === 'string' ? error.message : null
}
