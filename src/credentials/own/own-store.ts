import { rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { TokenEndpoint } from '../../oauth/token-endpoint.ts'
import { prepareFile, resolveLink, writeFileAtomically } from '../../support/atomic-file.ts'
import type { PreparedFile } from '../../support/atomic-file.ts'
import type { BackoffOptions } from '../../support/backoff.ts'
import { SECOND, systemClock, type Clock } from '../../support/clock.ts'
import { StoreError } from '../../support/errors.ts'
import { acquireFileLock, type FileLock } from '../../support/file-lock.ts'
import { watchFile } from '../../support/file-watch.ts'
import { newId } from '../../support/ids.ts'
import { readPrivateFile } from '../../support/private-file.ts'
import { firstGeneration, stillHoldsRefreshToken } from '../generation.ts'
import { IntentFile, type Intent } from '../rotation/intent.ts'
import { Rotation, type RotationLock, type RotationStore } from '../rotation/rotation.ts'
import type { Generation, RepeatPolicy, RefreshOutcome, StoredSignIn } from '../sign-in.ts'
import { recoverLeftovers, refreshTag } from './leftovers.ts'
import {
  activeSignIn,
  allSignIns,
  emptyDocument,
  formatOwnFile,
  oauthOnly,
  parseOwnFile,
  withGeneration,
  withSignIn,
  type OwnContent,
  type OwnDocument,
  type OwnSignIn,
} from './own-file.ts'
import { restored, leaving, left, moveMark, type GivenAway } from './own-move.ts'
import type { NewSignIn, OwnSignIns } from './own-sign-ins.ts'

export type { OwnContent, OwnSignIn } from './own-file.ts'

export interface OwnStoreOptions {
  /** `credentials.json` of the home; locks and the intent lie beside it. */
  readonly path: string
  /** Names this machine: a home that says another one was copied. */
  readonly machineId: string
  readonly endpoint: TokenEndpoint
  readonly clock?: Clock
  readonly backoff?: BackoffOptions
  /** How long `refresh` waits for another process, in milliseconds. */
  readonly lockWaitMs?: number
  readonly onWarning?: (message: string) => void
}

/** A refresh that takes longer belongs to a gateway that is in use, and has to be stopped first. */
const GIVE_AWAY_WAIT_MS = SECOND

/** Writers hold the write lock for some milliseconds; who keeps it longer is stopped. */
const WRITE_LOCK_WAIT_MS = 5 * SECOND

/**
 * The gateway's own sign-ins, in its own file. Two locks: the refresh lock is held
 * while a token is spent, the write lock only while the file is replaced, so that a
 * hanging refresh never keeps a person from signing in.
 */
export class OwnStore implements OwnSignIns {
  readonly #path: string
  readonly #machineId: string
  readonly #clock: Clock
  readonly #warn: (message: string) => void
  readonly #intents: IntentFile
  readonly #rotation: Rotation<PreparedFile>

  constructor(options: OwnStoreOptions) {
    this.#path = options.path
    this.#machineId = options.machineId
    this.#clock = options.clock ?? systemClock
    this.#warn = options.onWarning ?? (() => {})
    this.#intents = new IntentFile(this.#beside('intent.json'))
    this.#rotation = new Rotation({ ...options, store: this.#rotationStore(), intents: this.#intents })
  }

  async open(): Promise<void> {
    try {
      const lock = await acquireFileLock(this.#beside('refresh.lock'))
      // Somebody else is at work: what lies there may be theirs.
      if (!lock) return
      try {
        const stored = await this.read()
        await this.#recover(stored.kind === 'present' ? stored.generation : null)
        await this.#intents.tidy()
      } finally {
        lock.release()
      }
    } catch (error) {
      this.#warn(`the folder of the sign-in file cannot be tidied up: ${(error as Error).message}`)
    }
  }

  async current(): Promise<OwnContent> {
    const loaded = await this.#load()
    return 'document' in loaded ? activeSignIn(loaded.document, this.#machineId) : loaded
  }

  async list(): Promise<OwnSignIn[]> {
    const loaded = await this.#load()
    return 'document' in loaded ? allSignIns(loaded.document) : []
  }

  /** The active OAuth sign-in; `absent` also when an API key is the active one. */
  async read(): Promise<StoredSignIn> {
    return oauthOnly(await this.current())
  }

  refresh(spent: Generation, signal: AbortSignal, options?: RepeatPolicy): Promise<RefreshOutcome> {
    return this.#rotation.refresh(spent, signal, options)
  }

  saveUnsaved(): Promise<boolean> {
    return this.#rotation.saveUnsaved()
  }

  watch(listener: () => void): Disposable {
    return watchFile(this.#path, listener)
  }

  /** As `OwnSignIns.signIn`. A file that cannot be read is put aside, never overwritten. */
  signIn(given: NewSignIn): Promise<OwnSignIn> {
    return this.#write(async () => {
      const now = this.#clock.now()
      const base = { id: newId(now), signedInAt: now }
      const signIn: OwnSignIn =
        given.kind === 'api-key'
          ? { ...base, kind: 'api-key', key: given.key }
          : { ...base, kind: 'oauth', generation: firstGeneration(given.tokens, given.requestedScopes, now) }
      const document = await this.#documentForPerson()
      await writeFileAtomically(this.#path, formatOwnFile(withSignIn(document, signIn, this.#machineId)))
      return signIn
    })
  }

  logout(): Promise<boolean> {
    return this.#write(async () => {
      const loaded = await this.#load()
      if (!('document' in loaded)) {
        if (loaded.kind === 'absent') return false
        throw new StoreError(loaded.message)
      }
      const { signIns } = loaded.document
      await writeFileAtomically(this.#path, formatOwnFile({ ...loaded.document, active: null, signIns: [] }))
      return (signIns as unknown[]).length > 0
    })
  }

  adopt(): Promise<boolean> {
    return this.#write(async () => {
      const loaded = await this.#load()
      if (!('document' in loaded)) {
        if (loaded.kind === 'absent') return false
        throw new StoreError(loaded.message)
      }
      if (loaded.document['machine'] === this.#machineId) return false
      await writeFileAtomically(this.#path, formatOwnFile({ ...loaded.document, machine: this.#machineId }))
      return true
    })
  }

  /**
   * Gives every own sign-in away, for good. From the first step on nothing here uses them
   * any more; what is left at last is a mark without tokens. Stopped anywhere, it can be
   * called again and goes on.
   *
   * @param take makes them durable elsewhere; may be called again with what it has taken already
   * @returns false when there was nothing to give away (any more)
   * @throws StoreError when a gateway uses the sign-in just now; what `take` throws
   */
  async giveAway(take: (given: GivenAway) => Promise<void>): Promise<boolean> {
    using lock = await acquireFileLock(this.#beside('refresh.lock'), { waitMs: GIVE_AWAY_WAIT_MS })
    if (!lock) throw new StoreError(`${this.#path}: a gateway renews this sign-in just now; stop it first`)
    const stored = await this.read()
    await this.#recover(stored.kind === 'present' ? stored.generation : null)
    return this.#write(async () => {
      const loaded = await this.#load()
      if (!('document' in loaded)) {
        if (loaded.kind === 'absent') return false
        throw new StoreError(loaded.message)
      }
      let { document } = loaded
      if (moveMark(document)?.done || allSignIns(restored(document)).length === 0) return false
      if (!moveMark(document)) {
        const active = activeSignIn(document, this.#machineId)
        if (active.kind === 'unusable') throw new StoreError(active.message)
        document = leaving(document, newId(this.#clock.now()))
        await writeFileAtomically(this.#path, formatOwnFile(document))
      }
      const { id } = moveMark(document)!
      await take({ id, document: restored(document), intent: await this.#intentOf(restored(document)) })
      await writeFileAtomically(this.#path, formatOwnFile(left(document)))
      await this.#intents.clear()
      return true
    })
  }

  async #intentOf(document: OwnDocument): Promise<Intent | null> {
    const stored = oauthOnly(activeSignIn(document, this.#machineId))
    const token = stored.kind === 'present' ? stored.generation.refreshToken : null
    return token === null ? null : this.#intents.of(token.fingerprint)
  }

  #rotationStore(): RotationStore<PreparedFile> {
    return {
      read: () => this.read(),
      lock: async (waitMs, signal): Promise<RotationLock | null> => {
        const lock = await acquireFileLock(this.#beside('refresh.lock'), { waitMs, signal })
        // The kernel takes it from nobody who lives.
        return lock && { stillOurs: async () => true, release: async () => lock.release() }
      },
      prepare: (spent) => prepareFile(this.#path, { tag: refreshTag(spent) }),
      replace: (prepared, spent, next) => this.#replace(prepared, spent, next),
      recover: (spent) => this.#recover(spent),
    }
  }

  async #replace(
    prepared: PreparedFile,
    spent: Generation,
    next: Generation,
  ): Promise<'saved' | StoredSignIn> {
    using _lock = await this.#writeLock()
    const loaded = await this.#load()
    if (!('document' in loaded)) return loaded
    const stored = oauthOnly(activeSignIn(loaded.document, this.#machineId))
    if (!stillHoldsRefreshToken(stored, spent)) return stored
    await prepared.commit(formatOwnFile(withGeneration(loaded.document, next)))
    return 'saved'
  }

  /** The refresh lock is held, and every other writer takes the write lock: what lies there is of the dead. */
  async #recover(stored: Generation | null): Promise<void> {
    using _lock = await this.#writeLock()
    await recoverLeftovers(this.#path, '', stored, (text) => {
      const parsed = parseOwnFile(text)
      return 'document' in parsed
        ? oauthOnly(activeSignIn(parsed.document, this.#machineId))
        : { kind: 'absent' }
    })
  }

  async #load(): Promise<{ document: OwnDocument } | Extract<StoredSignIn, { kind: 'absent' | 'unusable' }>> {
    const file = await readPrivateFile(this.#path)
    if (file.kind === 'absent') return { kind: 'absent' }
    if (file.kind === 'refused') return { kind: 'unusable', reason: 'store', message: file.message }
    if (file.tightened) this.#warn(`${this.#path} could be read by others; its mode is now 0600`)
    const parsed = parseOwnFile(file.text)
    if ('document' in parsed) return parsed
    return { kind: 'unusable', reason: 'store', message: `${this.#path} ${parsed.broken}` }
  }

  /** The document that a person's sign-in goes into. */
  async #documentForPerson(): Promise<OwnDocument> {
    const file = await readPrivateFile(this.#path)
    if (file.kind === 'refused') throw new StoreError(file.message)
    if (file.kind === 'absent') return emptyDocument(this.#machineId)
    const parsed = parseOwnFile(file.text)
    if ('document' in parsed) return parsed.document
    const aside = `${this.#path}.unreadable-${newId(this.#clock.now())}`
    await rename(await resolveLink(this.#path), aside)
    this.#warn(`${this.#path} ${parsed.broken}; it was put aside as ${basename(aside)}`)
    return emptyDocument(this.#machineId)
  }

  async #write<T>(change: () => Promise<T>): Promise<T> {
    using _lock = await this.#writeLock()
    try {
      return await change()
    } catch (error) {
      if (error instanceof StoreError) throw error
      throw new StoreError(`${this.#path} cannot be written: ${(error as Error).message}`, { cause: error })
    }
  }

  async #writeLock(): Promise<FileLock> {
    const lock = await acquireFileLock(this.#beside('write.lock'), { waitMs: WRITE_LOCK_WAIT_MS })
    if (!lock) throw new StoreError('another process keeps writing the sign-in file')
    return lock
  }

  #beside(what: string): string {
    return join(dirname(this.#path), `${basename(this.#path, '.json')}.${what}`)
  }
}
