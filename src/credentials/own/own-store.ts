import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { HomePaths } from '../../config/home/home.ts'
import type { TokenEndpoint } from '../../oauth/token-endpoint.ts'
import type { BackoffOptions } from '../../support/backoff.ts'
import { SECOND, systemClock, type Clock } from '../../support/clock.ts'
import { messageOf, StoreError } from '../../support/errors.ts'
import { acquireFileLock, type FileLock } from '../../support/files/file-lock.ts'
import { watchFile } from '../../support/files/file-watch.ts'
import {
  prepareFile,
  readPrivateFile,
  resolveLink,
  writeFileAtomically,
  type PreparedFile,
} from '../../support/files/private-file.ts'
import { newId } from '../../support/ids.ts'
import { machineId } from '../../support/machine.ts'
import { parseRecord, type KeeperMemory } from '../keeper/record.ts'
import { IntentFile } from '../rotation/intent.ts'
import { refreshTag, Rotation, type RotationLock, type RotationStore } from '../rotation/rotation.ts'
import {
  firstGeneration,
  stillHoldsRefreshToken,
  type Generation,
  type RefreshOutcome,
  type RepeatPolicy,
  type StoredSignIn,
} from '../sign-in.ts'
import { recoverLeftovers } from './leftovers.ts'
import {
  activeSignIn,
  allSignIns,
  emptyDocument,
  formatOwnFile,
  moveMark,
  oauthOnly,
  parseOwnFile,
  withGeneration,
  withSignIn,
  type OwnContent,
  type OwnDocument,
  type OwnSignIn,
} from './own-document.ts'
import { leaving, left, restored, type GivenAway } from './own-move.ts'
import type { NewSignIn, OwnPlace, OwnPlaceParts, OwnSignIns } from './own-sign-ins.ts'

export interface OwnStoreOptions {
  /** `credentials.json` of the home; locks and the intent are next to it. */
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

/** What the keeper remembers between two runs, inside the home. */
const MEMORY_FILE = 'refresh-state.json'

/**
 * The gateway's own sign-ins, in its own file with two locks: the refresh lock is held while a token
 * is spent, the write lock only while the file is replaced, so that a hanging refresh never keeps a
 * person from signing in.
 */
export class OwnStore implements OwnSignIns, RotationStore<PreparedFile> {
  readonly #path: string
  readonly #machineId: string
  readonly #clock: Clock
  readonly #warn: (message: string) => void
  readonly #intents: IntentFile
  readonly #rotation: Rotation<PreparedFile>

  constructor(options: OwnStoreOptions) {
    const { clock = systemClock, onWarning = () => {} } = options
    this.#clock = clock
    this.#warn = onWarning
    this.#path = options.path
    this.#machineId = options.machineId
    this.#intents = new IntentFile(this.#beside('intent.json'))
    this.#rotation = new Rotation({ ...options, store: this, intents: this.#intents })
  }

  async open(): Promise<void> {
    try {
      const lock = await this.lock(0)
      // Somebody else is at work: what is there may be theirs.
      if (!lock) return
      try {
        await this.#recoverStored()
        await this.#intents.tidy()
      } finally {
        await lock.release()
      }
    } catch (error) {
      this.#warn(`the folder of the sign-in file cannot be tidied up: ${messageOf(error)}`)
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

  refresh(spent: Generation, signal: AbortSignal, policy?: RepeatPolicy): Promise<RefreshOutcome> {
    return this.#rotation.refresh(spent, signal, policy)
  }

  saveUnsaved(): Promise<boolean> {
    return this.#rotation.saveUnsaved()
  }

  watch(listener: () => void): Disposable {
    return watchFile(this.#path, listener)
  }

  /** As `OwnSignIns.signIn`. A file that cannot be read is renamed, never overwritten. */
  async signIn(given: NewSignIn): Promise<OwnSignIn> {
    const now = this.#clock.now()
    const base = { id: newId(now), signedInAt: now }
    const signIn: OwnSignIn =
      given.kind === 'api-key'
        ? { ...base, kind: 'api-key', key: given.key }
        : { ...base, kind: 'oauth', generation: firstGeneration(given.tokens, given.requestedScopes, now) }
    await this.#editByPerson((document) => withSignIn(document, signIn, this.#machineId))
    return signIn
  }

  logout(): Promise<boolean> {
    return this.#edit(async (document) => {
      if (document === null) return false
      await this.#write({ ...document, active: null, signIns: [] })
      return (document['signIns'] as unknown[]).length > 0
    })
  }

  adopt(): Promise<boolean> {
    return this.#edit(async (document) => {
      if (document === null || document['machine'] === this.#machineId) return false
      await this.#write({ ...document, machine: this.#machineId })
      return true
    })
  }

  /**
   * Gives every own sign-in away, for good. From the first step on nothing here uses them
   * any more; what is left at last is a mark without tokens. Stopped anywhere, it can be
   * called again and continues.
   *
   * @param take makes them durable elsewhere; may be called again with what it has taken already
   * @returns false when there was nothing to give away (any more)
   * @throws StoreError when a gateway uses the sign-in just now; what `take` throws
   */
  async giveAway(take: (given: GivenAway) => Promise<void>): Promise<boolean> {
    const lock = await this.lock(GIVE_AWAY_WAIT_MS)
    if (!lock) throw new StoreError(`${this.#path}: a gateway renews this sign-in just now; stop it first`)
    try {
      await this.#recoverStored()
      return await this.#edit(async (document) => {
        if (document === null || moveMark(document)?.done) return false
        if (allSignIns(restored(document)).length === 0) return false
        let marked = document
        if (!moveMark(document)) {
          const active = activeSignIn(document, this.#machineId)
          if (active.kind === 'unusable') throw new StoreError(active.message)
          marked = leaving(document, newId(this.#clock.now()))
          await this.#write(marked)
        }
        const given = restored(marked)
        const stored = oauthOnly(activeSignIn(given, this.#machineId))
        const token = stored.kind === 'present' ? stored.generation.refreshToken : null
        const intent = token && (await this.#intents.of(token.fingerprint))
        await take({ id: moveMark(marked)!.id, document: given, intent })
        await this.#write(left(marked))
        await this.#intents.clear()
        return true
      })
    } finally {
      await lock.release()
    }
  }

  /** As `RotationStore.lock`; this and what follows is for the rotation. */
  async lock(waitMs: number, signal?: AbortSignal): Promise<RotationLock | null> {
    const lock = await acquireFileLock(this.#beside('refresh.lock'), {
      waitMs,
      ...(signal ? { signal } : {}),
    })
    // The kernel takes it from nobody who lives.
    return lock && { stillOurs: async () => true, release: async () => lock.release() }
  }

  prepare(spent: Generation): Promise<PreparedFile> {
    return prepareFile(this.#path, { tag: refreshTag(spent) })
  }

  async replace(
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

  /** The refresh lock is held, and every other writer takes the write lock: what is there was left by dead processes. */
  async recover(stored: Generation | null): Promise<void> {
    using _lock = await this.#writeLock()
    await recoverLeftovers(this.#path, '', stored, (text) => {
      const parsed = parseOwnFile(text)
      return 'document' in parsed
        ? oauthOnly(activeSignIn(parsed.document, this.#machineId))
        : { kind: 'absent' }
    })
  }

  async #recoverStored(): Promise<void> {
    const stored = await this.read()
    await this.recover(stored.kind === 'present' ? stored.generation : null)
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

  /**
   * Changes the document under the write lock.
   *
   * @param change writes by `write`, as often as it needs to; null = there is no file
   * @throws StoreError also where the file cannot be read
   */
  #edit<T>(change: (document: OwnDocument | null) => Promise<T>): Promise<T> {
    return this.#writing(async () => {
      const loaded = await this.#load()
      if ('document' in loaded) return change(loaded.document)
      if (loaded.kind === 'absent') return change(null)
      throw new StoreError(loaded.message)
    })
  }

  /** As `#edit`, for a person's new sign-in: a file that cannot be read is renamed, never overwritten. */
  #editByPerson(change: (document: OwnDocument) => OwnDocument): Promise<void> {
    return this.#writing(async () => this.#write(change(await this.#documentForPerson())))
  }

  /** Only inside `#edit`. */
  #write(document: OwnDocument): Promise<void> {
    return writeFileAtomically(this.#path, formatOwnFile(document))
  }

  /** The path of a file that belongs to this one. */
  #beside(what: string): string {
    return join(dirname(this.#path), `${basename(this.#path, '.json')}.${what}`)
  }

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

  async #writing<T>(change: () => Promise<T>): Promise<T> {
    using _lock = await this.#writeLock()
    try {
      return await change()
    } catch (error) {
      if (error instanceof StoreError) throw error
      throw new StoreError(`${this.#path} cannot be written: ${messageOf(error)}`, { cause: error })
    }
  }

  async #writeLock(): Promise<FileLock> {
    const lock = await acquireFileLock(this.#beside('write.lock'), { waitMs: WRITE_LOCK_WAIT_MS })
    if (!lock) throw new StoreError('another process keeps writing the sign-in file')
    return lock
  }
}

/** The gateway's own sign-ins in the files of a home. */
export function ownFiles(paths: HomePaths, parts: OwnPlaceParts): OwnPlace {
  return {
    name: paths.credentials,
    signIns: new OwnStore({ path: paths.credentials, machineId: machineId(paths.home), ...parts }),
    memory: memoryFile(join(paths.home, MEMORY_FILE)),
    close: async () => {},
  }
}

/**
 * The keeper's memory as a small JSON file (0600) inside the home.
 *
 * Replaced in one step, so that a killed process leaves it whole; not forced to the
 * disk, because it is written along with each refresh, whose own writes must not wait for
 * it. What a power cut takes away costs one request, never a token.
 */
export function memoryFile(path: string): KeeperMemory {
  const temporary = `${path}.${process.pid}.tmp`
  return {
    async load() {
      const text = await readFile(path, 'utf8').catch(() => null)
      return text === null ? null : parseRecord(text)
    },
    async save(record) {
      try {
        await writeFile(temporary, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 })
        await rename(temporary, path)
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => {})
        throw error
      }
    },
  }
}
