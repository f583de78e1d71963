import { setTimeout as pause } from 'node:timers/promises'
import type { Client, ClientConfig } from 'pg'
import { backoffDelay, type BackoffOptions } from '../../../support/backoff.ts'
import { SECOND, sleep, type Clock } from '../../../support/clock.ts'
import { Emitter } from '../../../support/emitter.ts'
import { DatabaseClient } from './client.ts'
import { storeError } from './failures.ts'

export interface ListenerOptions {
  readonly settings: ClientConfig
  readonly clock: Clock
  readonly onProblem: (error: unknown) => void
}

const RECONNECT: BackoffOptions = { initialMs: SECOND / 10, maxMs: 2 * SECOND }
/** A silently dead connection delivers neither notifications nor errors: it is probed this often. */
const ASK_EVERY_MS = 3 * SECOND
const ANSWER_WITHIN_MS = 2 * SECOND
/** At the end of the process. */
const GOODBYE_MS = SECOND / 2

/** One connection that receives the notifications of all channels, and is reopened whenever it is lost. */
export class Listener {
  readonly #options: ListenerOptions
  readonly #channels = new Map<string, Emitter<string>>()
  readonly #end = new AbortController()
  readonly #running: Promise<void>
  #client: Client | null = null

  constructor(options: ListenerOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  add(channel: string, listener: (payload: string) => void): Disposable {
    const known = this.#channels.get(channel)
    const listeners = known ?? new Emitter(this.#options.onProblem)
    const listening = listeners.subscribe(listener)
    if (!known) {
      this.#channels.set(channel, listeners)
      // Notifications arrive only after the server has processed LISTEN; earlier ones may have been missed.
      this.#subscribe(channel).then(
        (heard) => heard && this.#channels.get(channel)?.emit(''),
        () => this.#client?.end().catch(() => {}),
      )
    }
    return {
      [Symbol.dispose]: () => {
        listening[Symbol.dispose]()
        if (listeners.size > 0 || this.#channels.get(channel) !== listeners) return
        this.#channels.delete(channel)
        this.#client?.query(`UNLISTEN ${quoted(channel)}`).catch(() => {})
      },
    }
  }

  async close(): Promise<void> {
    this.#end.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { clock, onProblem } = this.#options
    let failures = 0
    while (!this.#end.signal.aborted) {
      try {
        await this.#connected(() => (failures = 0))
      } catch (error) {
        if (this.#end.signal.aborted) return
        if (failures++ === 0) onProblem(storeError(error))
        const delay = backoffDelay(failures, RECONNECT, Math.random())
        await sleep(clock, delay, this.#end.signal).catch(() => {})
      }
    }
  }

  /** Lives as long as one connection. */
  async #connected(made: () => void): Promise<void> {
    const client = new DatabaseClient({ ...this.#options.settings, query_timeout: ANSWER_WITHIN_MS })
    const gone = new AbortController()
    const signal = AbortSignal.any([this.#end.signal, gone.signal])
    client.on('error', (error) => gone.abort(error))
    client.on('end', () => gone.abort(new Error('Connection terminated')))
    client.on('notification', ({ channel, payload }) => this.#channels.get(channel)?.emit(payload ?? ''))
    try {
      await client.connect()
      this.#client = client
      for (const channel of this.#channels.keys()) await this.#subscribe(channel)
      made()
      for (const listeners of this.#channels.values()) listeners.emit('')
      for (;;) {
        await sleep(this.#options.clock, ASK_EVERY_MS, signal)
        await client.query('SELECT 1')
      }
    } finally {
      this.#client = null
      const ended = client.end().catch(() => {})
      // A connection that does not answer does not close cleanly either.
      if (this.#end.signal.aborted) await Promise.race([ended, pause(GOODBYE_MS, null, { ref: false })])
    }
  }

  async #subscribe(channel: string): Promise<boolean> {
    if (!this.#client) return false
    await this.#client.query(`LISTEN ${quoted(channel)}`)
    return true
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
