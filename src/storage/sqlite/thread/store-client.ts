import { Worker } from 'node:worker_threads'
import { ConfigurationError, messageOf, RowRefused, StoreError } from '../../../support/errors.ts'
import type { Call, Failure, Reply, Arguments, OperationName, Result } from './batch.ts'
import type { SessionOptions } from './session.ts'
import type { Request, Response } from './worker.ts'

/** Operations in one transaction, at most: bounds how long the first of them waits for the last. */
const MAX_BATCH = 512
/**
 * The worker keeps rows of one batch and SQLite's own cache, which is outside this heap; far above
 * that, so that the limit only ends a runaway.
 */
const WORKER_HEAP_MB = 256
/** A batch's rows die with it; a larger nursery was 12 MB more of resident memory and no faster. */
const WORKER_NURSERY_MB = 8

interface Waiting {
  readonly call: Call
  readonly transfer: readonly ArrayBuffer[]
  readonly resolve: (value: never) => void
  readonly reject: (error: Error) => void
}

/**
 * The main thread's side of the store: collects calls and sends them in batches, one at a time. While the
 * worker commits one batch, further calls form the next; so the higher the load, the more messages share a
 * commit, and no call ever waits for a timer.
 *
 * When the worker dies, its calls in flight fail, and the next call starts a new one.
 */
export class StoreClient {
  readonly #options: SessionOptions
  readonly #workerUrl: URL
  #worker: Worker | null = null
  #queue: Waiting[] = []
  #inFlight: readonly Waiting[] = []
  #scheduled = false
  #closed = false
  #whenClosed: (() => void) | null = null

  private constructor(options: SessionOptions, worker: URL) {
    this.#options = options
    this.#workerUrl = worker
  }

  /**
   * Opens the database, bringing its schema up to date.
   *
   * @param worker the thread's file; another one only in tests
   * @returns the client, and the copy that a migration made
   * @throws ConfigurationError when a newer program wrote the database; StoreError when it cannot be opened
   */
  static async open(
    options: SessionOptions,
    worker = workerUrl(),
  ): Promise<{ readonly client: StoreClient; readonly migrationBackup: string | null }> {
    const client = new StoreClient(options, worker)
    return { client, migrationBackup: await client.#start() }
  }

  /** @throws StoreError or RowRefused when nothing was changed; anything else is a bug */
  call<K extends OperationName>(name: K, ...args: Arguments<K>): Promise<Result<K>> {
    return this.#enqueue(name, args, [])
  }

  /** As `call`, and moves `transfer` into the worker: the caller must not use that memory again. */
  callWith<K extends OperationName>(
    transfer: readonly ArrayBuffer[],
    name: K,
    ...args: Arguments<K>
  ): Promise<Result<K>> {
    return this.#enqueue(name, args, transfer)
  }

  /** Ends after everything that was called before has been answered. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await new Promise<void>((resolve) => {
      this.#whenClosed = resolve
      this.#closeIfIdle()
    })
  }

  #enqueue<K extends OperationName>(
    name: K,
    args: readonly unknown[],
    transfer: readonly ArrayBuffer[],
  ): Promise<Result<K>> {
    if (this.#closed) return Promise.reject(new StoreError('the store is closed'))
    return new Promise((resolve, reject) => {
      this.#queue.push({ call: [name, args], transfer, resolve, reject })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled || this.#inFlight.length > 0) return
    this.#scheduled = true
    // After the microtasks of this turn, so that everybody who was woken together shares the batch.
    setImmediate(() => {
      this.#scheduled = false
      void this.#flush()
    })
  }

  async #flush(): Promise<void> {
    if (this.#inFlight.length > 0 || this.#queue.length === 0) return
    this.#inFlight = this.#queue.splice(0, MAX_BATCH)
    try {
      if (!this.#worker) await this.#start()
      this.#worker!.ref()
      this.#worker!.postMessage(
        this.#inFlight.map((waiting) => waiting.call) satisfies Request,
        this.#inFlight.flatMap((waiting) => waiting.transfer),
      )
    } catch (error) {
      if (isUncloneable(error)) this.#refuseUncloneable(error)
      else this.#fail(error)
    }
  }

  /** A value that cannot be sent to the worker never can be: only its own call fails. */
  #refuseUncloneable(error: Error): void {
    const { fine = [], refused = [] } = Object.groupBy(this.#inFlight, ({ call }) =>
      canBeCloned(call) ? 'fine' : 'refused',
    )
    if (refused.length === 0) return this.#fail(error)
    this.#inFlight = refused
    this.#queue.unshift(...fine)
    const failure: Failure = { kind: 'refused', message: error.message, stack: error.stack ?? null }
    this.#deliverReplies(refused.map(() => ({ ok: false, error: failure })))
  }

  #deliverReplies(replies: readonly Reply[]): void {
    const sent = this.#inFlight
    this.#inFlight = []
    // An idle store keeps no process alive; a command that forgot to close it ends all the same.
    this.#worker?.unref()
    for (const [index, waiting] of sent.entries()) {
      const reply = replies[index]!
      if (reply.ok) waiting.resolve(reply.value as never)
      else waiting.reject(toError(reply.error))
    }
    if (this.#queue.length > 0) this.#schedule()
    else this.#closeIfIdle()
  }

  #fail(error: unknown): void {
    const failure: Failure = { kind: 'store', message: messageOf(error), stack: null }
    this.#deliverReplies(this.#inFlight.map(() => ({ ok: false, error: failure })))
  }

  #closeIfIdle(): void {
    if (!this.#whenClosed || this.#inFlight.length > 0 || this.#queue.length > 0) return
    if (!this.#worker) return this.#whenClosed()
    this.#worker.ref()
    this.#worker.postMessage(null satisfies Request, [])
  }

  /** Starts the worker and waits until it has opened the database. */
  #start(): Promise<string | null> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(this.#workerUrl, {
        workerData: this.#options,
        name: 'store',
        // Passes neither the environment, which holds secrets, nor the flags of a test runner.
        env: {},
        execArgv: [],
        resourceLimits: {
          maxOldGenerationSizeMb: WORKER_HEAP_MB,
          maxYoungGenerationSizeMb: WORKER_NURSERY_MB,
        },
      })
      worker.on('message', (response: Response) => {
        switch (response.kind) {
          case 'ready':
            this.#worker = worker
            return resolve(response.migrationBackup)
          case 'failed':
            return reject(toError(response.error))
          case 'replies':
            return this.#deliverReplies(response.replies)
          case 'closed':
            return
        }
      })
      worker.once('error', (error) => {
        reject(new StoreError(`the store's thread failed: ${messageOf(error)}`))
        this.#lost(worker, messageOf(error))
      })
      worker.once('exit', () => this.#lost(worker, 'it ended'))
    })
  }

  /** Calls in flight may or may not be durable: the caller repeats them and finds out. */
  #lost(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return
    this.#worker = null
    if (this.#inFlight.length > 0) this.#fail(new StoreError(`the store's thread was lost: ${reason}`))
    this.#closeIfIdle()
  }
}

function isUncloneable(error: unknown): error is Error {
  return error instanceof Error && error.name === 'DataCloneError'
}

function canBeCloned(call: Call): boolean {
  try {
    structuredClone(call)
    return true
  } catch {
    return false
  }
}

/** In the same folder as this file, as source or built: the compiler does not rewrite a file name in a URL. */
function workerUrl(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)
}

/** An error as it was thrown in the worker, with its stack there as the cause. */
function toError(failure: Failure): Error {
  const cause = failure.stack === null ? {} : { cause: new Error(failure.stack) }
  if (failure.kind === 'configuration') return new ConfigurationError(failure.message, cause)
  if (failure.kind === 'store') return new StoreError(failure.message, cause)
  if (failure.kind === 'refused') return new RowRefused(failure.message, null, cause)
  return new Error(failure.message, cause)
}
