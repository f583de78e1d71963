import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { messageOf } from '../../support/errors.ts'
import { EMPTY_RECORD, parseRecord, type KeeperMemory, type KeeperRecord } from './record.ts'
import { withNews } from './shared-record.ts'

/** The record in use. Writes follow each other; the newest state always gets written last. */
export class PersistentRecord {
  readonly #memory: KeeperMemory
  readonly #onError: (message: string) => void
  #record: KeeperRecord = EMPTY_RECORD
  #base: KeeperRecord = EMPTY_RECORD
  #open = false
  #dirty = false
  #updates = 0
  #writing: Promise<void> | null = null

  constructor(memory: KeeperMemory, onError: (message: string) => void) {
    this.#memory = memory
    this.#onError = onError
  }

  get record(): KeeperRecord {
    return this.#record
  }

  async load(): Promise<void> {
    this.#record = (await this.#memory.load().catch(() => null)) ?? EMPTY_RECORD
    this.#base = this.#record
  }

  /** Takes over what other processes have learned since; nothing where the record is ours alone. */
  async learn(active: string | null): Promise<void> {
    if (!this.#memory.isShared) return
    let known: number
    let theirs: KeeperRecord | null
    do {
      await this.flush()
      known = this.#updates
      theirs = await this.#memory.load().catch(() => null)
      if (theirs === null) return
      // What was changed here in the meantime is not in what was read.
    } while (known !== this.#updates)
    this.#record = withNews(this.#record, theirs, active)
    this.#base = this.#record
  }

  /** From here on changes are written: a process that only reads must not overwrite what a running gateway knows. */
  open(): void {
    this.#open = true
    if (this.#dirty) this.#writing ??= this.#write()
  }

  update(change: Partial<KeeperRecord>): void {
    this.#record = { ...this.#record, ...change }
    this.#updates++
    this.#dirty = true
    if (this.#open) this.#writing ??= this.#write()
  }

  /** Resolves when everything that was changed so far is written, or cannot be. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing
  }

  async #write(): Promise<void> {
    // Changes of the same moment share one write.
    await Promise.resolve()
    try {
      while (this.#dirty) {
        this.#dirty = false
        const record = this.#record
        await this.#memory.save(record, this.#base)
        this.#base = record
      }
    } catch (error) {
      this.#onError(messageOf(error))
    } finally {
      this.#writing = null
    }
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
