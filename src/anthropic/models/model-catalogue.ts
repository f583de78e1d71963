import { findModel, type ModelInfo, type ModelList, type Models } from '../../conversation/model-settings.ts'
import type { CredentialDoor } from '../../credentials/credential.ts'
import type { KeeperNotices } from '../../credentials/keeper/status.ts'
import { backoffDelay } from '../../support/backoff.ts'
import { DAY, HOUR, MINUTE, type Clock, type Timer, untilAborted } from '../../support/clock.ts'
import { Emitter } from '../../support/emitter.ts'
import { HermesError, TransientError } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import { addressFor } from '../ladder.ts'
import { BUILT_IN_MODELS } from './built-in-models.ts'
import { fetchModels, type ModelListRequest } from './fetch-models.ts'
import { readModels } from './model-list.ts'
import { readStoredModels, writeStoredModels } from './stored-models.ts'

/** Models come and go in weeks. */
const REFRESH_EVERY_MS = DAY
/** A list that cannot be had is no outage: there is another one to use. */
const RETRY = { initialMs: MINUTE, maxMs: HOUR }

export interface ModelCatalogueOptions extends ModelListRequest {
  /** Where the list is kept between starts. */
  readonly path: string
  readonly door: Pick<CredentialDoor, 'acquire'>
  /** A sign-in is the moment to ask. */
  readonly keeper: KeeperNotices
  readonly clock: Clock
  readonly log: Pick<Log, 'info' | 'warn'>
  readonly onProblem: (error: unknown) => void
  readonly random?: () => number
}

/**
 * The models of the account: asked for at the start and daily, in the background. Until there is an answer
 * the one of an earlier start counts, else the table of the program. A failure here concerns the list alone:
 * it neither rejects the credential nor shuts the gate.
 */
export class ModelCatalogue implements Models {
  readonly #options: ModelCatalogueOptions
  readonly #changed: Emitter
  readonly #stop = new AbortController()
  #list: ModelList = { source: 'built-in', fetchedAt: null, models: BUILT_IN_MODELS }
  #timer: Timer | null = null
  #subscription: Disposable | null = null
  #asking: Promise<void> | null = null
  #failures = 0
  #warned = false
  /** There is no list of the present account yet. */
  #outdated = true

  constructor(options: ModelCatalogueOptions) {
    this.#options = options
    this.#changed = new Emitter(options.onProblem)
  }

  current(): ModelList {
    return this.#list
  }

  find(id: string): ModelInfo | null {
    return findModel(this.#list.models, id) ?? findModel(BUILT_IN_MODELS, id)
  }

  /** Calls `listener` after each answer of the provider. */
  subscribe(listener: () => void): Disposable {
    return this.#changed.subscribe(listener)
  }

  /** Reads the list of an earlier start. Never throws. */
  async load(): Promise<void> {
    await this.#readStored(this.#options.baseUrl)
  }

  /** @returns whether there was one from this address */
  async #readStored(address: string): Promise<boolean> {
    const stored = await readStoredModels(this.#options.path, address)
    const models = stored && readModels(stored.items)
    if (!models?.length) return false
    this.#list = { source: 'stored', fetchedAt: stored!.fetchedAt, models }
    return true
  }

  /** Begins to ask, in the background. */
  start(): void {
    this.#subscription = this.#options.keeper.subscribe((notice) => {
      if (notice.type === 'warning' && notice.warning.code === 'account-changed') this.#outdated = true
      else if (notice.type !== 'transition' || !notice.usable) return
      if (this.#outdated) this.#ask()
    })
    this.#ask()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.#subscription?.[Symbol.dispose]()
    this.#timer?.cancel()
    await this.#asking
  }

  /**
   * Asks the provider now, and keeps its answer.
   *
   * @throws NeedsLogin | NotPermitted | ConfigurationError | TransientError where it gives no list
   */
  async refresh(): Promise<void> {
    const { door, clock, path, baseUrl, onProblem } = this.#options
    const { signal } = this.#stop
    // A credential may be long in coming; a stop waits for nothing.
    const credential = await untilAborted(Promise.resolve(door.acquire()), signal)
    const address = addressFor(credential, baseUrl)
    // Which address a profile names is not known before.
    if (this.#list.source === 'built-in' && (await this.#readStored(address))) this.#changed.emit()
    const items = await fetchModels(this.#options, credential, signal)
    const models = readModels(items)
    if (models.length === 0) throw new TransientError('the provider lists no models', null, 'provider')
    const fetchedAt = clock.now()
    this.#list = { source: 'provider', fetchedAt, models }
    this.#outdated = false
    // Without the file the next start only knows less.
    await writeStoredModels(path, address, { fetchedAt, items }).catch(onProblem)
    this.#changed.emit()
  }

  #ask(): void {
    if (this.#asking !== null || this.#stop.signal.aborted) return
    this.#timer?.cancel()
    this.#asking = this.#askOnce()
  }

  /** Asks, and plans the next time. Never rejects. */
  async #askOnce(): Promise<void> {
    let nextMs = REFRESH_EVERY_MS
    try {
      await this.refresh()
      this.#failures = 0
    } catch (error) {
      nextMs = this.#failed(error)
    }
    this.#asking = null
    if (this.#stop.signal.aborted) return
    this.#timer = this.#options.clock.setTimer(() => this.#ask(), nextMs)
  }

  /** @returns when to try again, in milliseconds */
  #failed(error: unknown): number {
    const { log, onProblem, random = Math.random } = this.#options
    if (this.#stop.signal.aborted) return RETRY.maxMs
    if (!(error instanceof HermesError)) onProblem(error)
    // A missing sign-in has warnings of its own.
    if (error instanceof TransientError && !this.#warned) {
      this.#warned = true
      const { source, fetchedAt } = this.#list
      if (source === 'built-in')
        log.warn(`The list of models cannot be had (${error.message}): the built-in one is used.`)
      else
        log.info({ fetchedAt }, `the list of models cannot be had (${error.message}): the last one is used`)
    }
    return backoffDelay(++this.#failures, RETRY, random())
  }
}
