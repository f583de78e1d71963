import { join } from 'node:path'
import type { HomePaths } from '../../config/home/home.ts'
import type { TokenEndpoint } from '../../oauth/token-endpoint.ts'
import type { BackoffOptions } from '../../support/backoff.ts'
import { SECOND, systemClock, type Clock } from '../../support/clock.ts'
import { messageOf, StoreError } from '../../support/errors.ts'
import { watchFile } from '../../support/files/file-watch.ts'
import type { PreparedFile } from '../../support/files/private-file.ts'
import { newId } from '../../support/ids.ts'
import { machineId } from '../../support/machine.ts'
import { memoryFile } from '../keeper/persistent-record.ts'
import { IntentFile } from '../rotation/intent.ts'
import { Rotation } from '../rotation/rotation.ts'
import {
  firstGeneration,
  type Generation,
  type RefreshOutcome,
  type RepeatPolicy,
  type StoredSignIn,
} from '../sign-in.ts'
import {
  activeSignIn,
  allSignIns,
  moveMark,
  oauthOnly,
  withSignIn,
  type OwnContent,
  type OwnSignIn,
} from './own-document.ts'
import { OwnFile } from './own-file.ts'
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

/** What the keeper remembers between two runs, inside the home. */
const MEMORY_FILE = 'refresh-state.json'

/** The gateway's own sign-ins, in its own file. */
export class OwnStore implements OwnSignIns {
  readonly #file: OwnFile
  readonly #clock: Clock
  readonly #warn: (message: string) => void
  readonly #intents: IntentFile
  readonly #rotation: Rotation<PreparedFile>

  constructor(options: OwnStoreOptions) {
    const { clock = systemClock, onWarning = () => {} } = options
    this.#clock = clock
    this.#warn = onWarning
    this.#file = new OwnFile({ ...options, clock, onWarning })
    this.#intents = new IntentFile(this.#file.beside('intent.json'))
    this.#rotation = new Rotation({ ...options, store: this.#file, intents: this.#intents })
  }

  async open(): Promise<void> {
    try {
      const lock = await this.#file.lock(0)
      // Somebody else is at work: what is there may be theirs.
      if (!lock) return
      try {
        await this.#recover()
        await this.#intents.tidy()
      } finally {
        await lock.release()
      }
    } catch (error) {
      this.#warn(`the folder of the sign-in file cannot be tidied up: ${messageOf(error)}`)
    }
  }

  current(): Promise<OwnContent> {
    return this.#file.current()
  }

  async list(): Promise<OwnSignIn[]> {
    const loaded = await this.#file.load()
    return 'document' in loaded ? allSignIns(loaded.document) : []
  }

  read(): Promise<StoredSignIn> {
    return this.#file.read()
  }

  refresh(spent: Generation, signal: AbortSignal, policy?: RepeatPolicy): Promise<RefreshOutcome> {
    return this.#rotation.refresh(spent, signal, policy)
  }

  saveUnsaved(): Promise<boolean> {
    return this.#rotation.saveUnsaved()
  }

  watch(listener: () => void): Disposable {
    return watchFile(this.#file.path, listener)
  }

  /** As `OwnSignIns.signIn`. A file that cannot be read is renamed, never overwritten. */
  async signIn(given: NewSignIn): Promise<OwnSignIn> {
    const now = this.#clock.now()
    const base = { id: newId(now), signedInAt: now }
    const signIn: OwnSignIn =
      given.kind === 'api-key'
        ? { ...base, kind: 'api-key', key: given.key }
        : { ...base, kind: 'oauth', generation: firstGeneration(given.tokens, given.requestedScopes, now) }
    await this.#file.editByPerson((document) => withSignIn(document, signIn, this.#file.machineId))
    return signIn
  }

  logout(): Promise<boolean> {
    return this.#file.edit(async (document) => {
      if (document === null) return false
      await this.#file.write({ ...document, active: null, signIns: [] })
      return (document['signIns'] as unknown[]).length > 0
    })
  }

  adopt(): Promise<boolean> {
    const { machineId } = this.#file
    return this.#file.edit(async (document) => {
      if (document === null || document['machine'] === machineId) return false
      await this.#file.write({ ...document, machine: machineId })
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
    const file = this.#file
    const lock = await file.lock(GIVE_AWAY_WAIT_MS)
    if (!lock) throw new StoreError(`${file.path}: a gateway renews this sign-in just now; stop it first`)
    try {
      await this.#recover()
      return await file.edit(async (document) => {
        if (document === null || moveMark(document)?.done) return false
        if (allSignIns(restored(document)).length === 0) return false
        let marked = document
        if (!moveMark(document)) {
          const active = activeSignIn(document, file.machineId)
          if (active.kind === 'unusable') throw new StoreError(active.message)
          marked = leaving(document, newId(this.#clock.now()))
          await file.write(marked)
        }
        const given = restored(marked)
        const stored = oauthOnly(activeSignIn(given, file.machineId))
        const token = stored.kind === 'present' ? stored.generation.refreshToken : null
        const intent = token && (await this.#intents.of(token.fingerprint))
        await take({ id: moveMark(marked)!.id, document: given, intent })
        await file.write(left(marked))
        await this.#intents.clear()
        return true
      })
    } finally {
      await lock.release()
    }
  }

  async #recover(): Promise<void> {
    const stored = await this.#file.read()
    await this.#file.recover(stored.kind === 'present' ? stored.generation : null)
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
