import { rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { SECOND, type Clock } from '../../support/clock.ts'
import { messageOf, StoreError } from '../../support/errors.ts'
import { acquireFileLock, type FileLock } from '../../support/files/file-lock.ts'
import {
  prepareFile,
  resolveLink,
  writeFileAtomically,
  type PreparedFile,
  readPrivateFile,
} from '../../support/files/private-file.ts'
import { newId } from '../../support/ids.ts'
import { refreshTag, type RotationLock, type RotationStore } from '../rotation/rotation.ts'
import { stillHoldsRefreshToken, type Generation, type StoredSignIn } from '../sign-in.ts'
import { recoverLeftovers } from './leftovers.ts'
import {
  activeSignIn,
  emptyDocument,
  formatOwnFile,
  oauthOnly,
  parseOwnFile,
  withGeneration,
  type OwnContent,
  type OwnDocument,
} from './own-document.ts'

/** Writers hold the write lock for some milliseconds; who keeps it longer is stopped. */
const WRITE_LOCK_WAIT_MS = 5 * SECOND

export interface OwnFileOptions {
  /** `credentials.json` of the home; locks and the intent are next to it. */
  readonly path: string
  /** Names this machine: a home that says another one was copied. */
  readonly machineId: string
  readonly clock: Clock
  readonly onWarning: (message: string) => void
}

/**
 * `credentials.json` and its two locks: the refresh lock is held while a token is spent,
 * the write lock only while the file is replaced, so that a hanging refresh never keeps
 * a person from signing in.
 */
export class OwnFile implements RotationStore<PreparedFile> {
  readonly path: string
  readonly machineId: string
  readonly #clock: Clock
  readonly #warn: (message: string) => void

  constructor(options: OwnFileOptions) {
    this.path = options.path
    this.machineId = options.machineId
    this.#clock = options.clock
    this.#warn = options.onWarning
  }

  async load(): Promise<{ document: OwnDocument } | Extract<StoredSignIn, { kind: 'absent' | 'unusable' }>> {
    const file = await readPrivateFile(this.path)
    if (file.kind === 'absent') return { kind: 'absent' }
    if (file.kind === 'refused') return { kind: 'unusable', reason: 'store', message: file.message }
    if (file.tightened) this.#warn(`${this.path} could be read by others; its mode is now 0600`)
    const parsed = parseOwnFile(file.text)
    if ('document' in parsed) return parsed
    return { kind: 'unusable', reason: 'store', message: `${this.path} ${parsed.broken}` }
  }

  async current(): Promise<OwnContent> {
    const loaded = await this.load()
    return 'document' in loaded ? activeSignIn(loaded.document, this.machineId) : loaded
  }

  /** The active OAuth sign-in; `absent` also when an API key is the active one. */
  async read(): Promise<StoredSignIn> {
    return oauthOnly(await this.current())
  }

  async lock(waitMs: number, signal?: AbortSignal): Promise<RotationLock | null> {
    const lock = await acquireFileLock(this.beside('refresh.lock'), {
      waitMs,
      ...(signal ? { signal } : {}),
    })
    // The kernel takes it from nobody who lives.
    return lock && { stillOurs: async () => true, release: async () => lock.release() }
  }

  prepare(spent: Generation): Promise<PreparedFile> {
    return prepareFile(this.path, { tag: refreshTag(spent) })
  }

  async replace(
    prepared: PreparedFile,
    spent: Generation,
    next: Generation,
  ): Promise<'saved' | StoredSignIn> {
    using _lock = await this.#writeLock()
    const loaded = await this.load()
    if (!('document' in loaded)) return loaded
    const stored = oauthOnly(activeSignIn(loaded.document, this.machineId))
    if (!stillHoldsRefreshToken(stored, spent)) return stored
    await prepared.commit(formatOwnFile(withGeneration(loaded.document, next)))
    return 'saved'
  }

  /** The refresh lock is held, and every other writer takes the write lock: what is there was left by dead processes. */
  async recover(stored: Generation | null): Promise<void> {
    using _lock = await this.#writeLock()
    await recoverLeftovers(this.path, '', stored, (text) => {
      const parsed = parseOwnFile(text)
      return 'document' in parsed
        ? oauthOnly(activeSignIn(parsed.document, this.machineId))
        : { kind: 'absent' }
    })
  }

  /**
   * Changes the document under the write lock.
   *
   * @param change writes by `write`, as often as it needs to; null = there is no file
   * @throws StoreError also where the file cannot be read
   */
  edit<T>(change: (document: OwnDocument | null) => Promise<T>): Promise<T> {
    return this.#writing(async () => {
      const loaded = await this.load()
      if ('document' in loaded) return change(loaded.document)
      if (loaded.kind === 'absent') return change(null)
      throw new StoreError(loaded.message)
    })
  }

  /** As `edit`, for a person's new sign-in: a file that cannot be read is renamed, never overwritten. */
  editByPerson(change: (document: OwnDocument) => OwnDocument): Promise<void> {
    return this.#writing(async () => this.write(change(await this.#documentForPerson())))
  }

  /** Only inside `edit`. */
  write(document: OwnDocument): Promise<void> {
    return writeFileAtomically(this.path, formatOwnFile(document))
  }

  /** The path of a file that belongs to this one. */
  beside(what: string): string {
    return join(dirname(this.path), `${basename(this.path, '.json')}.${what}`)
  }

  async #documentForPerson(): Promise<OwnDocument> {
    const file = await readPrivateFile(this.path)
    if (file.kind === 'refused') throw new StoreError(file.message)
    if (file.kind === 'absent') return emptyDocument(this.machineId)
    const parsed = parseOwnFile(file.text)
    if ('document' in parsed) return parsed.document
    const aside = `${this.path}.unreadable-${newId(this.#clock.now())}`
    await rename(await resolveLink(this.path), aside)
    this.#warn(`${this.path} ${parsed.broken}; it was put aside as ${basename(aside)}`)
    return emptyDocument(this.machineId)
  }

  async #writing<T>(change: () => Promise<T>): Promise<T> {
    using _lock = await this.#writeLock()
    try {
      return await change()
    } catch (error) {
      if (error instanceof StoreError) throw error
      throw new StoreError(`${this.path} cannot be written: ${messageOf(error)}`, { cause: error })
    }
  }

  async #writeLock(): Promise<FileLock> {
    const lock = await acquireFileLock(this.beside('write.lock'), { waitMs: WRITE_LOCK_WAIT_MS })
    if (!lock) throw new StoreError('another process keeps writing the sign-in file')
    return lock
  }
}
