import {
  activeSignIn,
  allSignIns,
  emptyDocument,
  formatOwnFile,
  MAX_FORMER,
  oauthOnly,
  parseOwnFile,
  withGeneration,
  withSignIn,
  type OwnContent,
  type OwnDocument,
  type OwnSignIn,
} from '../../../credentials/own/own-document.ts'
import { arrived, type GivenAway } from '../../../credentials/own/own-move.ts'
import type { NewSignIn, OwnSignIns } from '../../../credentials/own/own-sign-ins.ts'
import type { OwnStore } from '../../../credentials/own/own-store.ts'
import type { Intent } from '../../../credentials/rotation/intent.ts'
import { Rotation, type Reserved, type RotationStore } from '../../../credentials/rotation/rotation.ts'
import {
  firstGeneration,
  stillHoldsRefreshToken,
  type Generation,
  type RefreshOutcome,
  type RepeatPolicy,
  type StoredSignIn,
} from '../../../credentials/sign-in.ts'
import type { TokenEndpoint } from '../../../oauth/token-endpoint.ts'
import type { BackoffOptions } from '../../../support/backoff.ts'
import { SECOND, systemClock, type Clock } from '../../../support/clock.ts'
import { messageOf, StoreError } from '../../../support/errors.ts'
import { newId } from '../../../support/ids.ts'
import type { Database } from '../connection/database.ts'
import { RefreshLease } from './refresh-lease.ts'
import type { SecretKey } from './secret-keys.ts'
import { SIGN_IN_CHANNEL, SignInRow, type ReadRow } from './sign-in-row.ts'

export interface SharedSignInsOptions {
  readonly database: Database
  /** The newest first. */
  readonly keys: readonly SecretKey[]
  readonly endpoint: Pick<TokenEndpoint, 'refresh'>
  /** Identifies this process, for people who check which one refreshes. */
  readonly holder: string
  readonly clock?: Clock
  readonly backoff?: BackoffOptions
  /** How long `refresh` waits for another process, in milliseconds. */
  readonly lockWaitMs?: number
  /** The term of the lease, for tests that do not wait for it. */
  readonly leaseMs?: number
  readonly onWarning?: (message: string) => void
}

/** Losing the race between read and write this often means that something is wrong. */
const MAX_TRIES = 20
/** As with a watched file: the fallback for missed notifications. */
const POLL_MS = 2 * SECOND
/** A result in memory is lost with this process: it is retried as often as is cheap. */
const SAVE_AGAIN_MS = SECOND

const NO_ROOM_NEEDED: Reserved = { discard: async () => {} }

/**
 * Our own sign-ins in the database, shared by all gateways on it: the same document as in
 * `credentials.json`, encrypted, in one row.
 *
 * **Who may spend the refresh token.** For a file, the kernel keeps the lock of a stopped process; no
 * such lock spans machines. Here the right is a lease, timed by the database's clock. A send is counted
 * by a statement that also renews the lease and compares its fence, so a process that has lost its lease
 * counts nothing and sends nothing. A process that was paused after counting sees by its own clocks that
 * the lease may have expired, and does not send either. (Only the instant between that check and the
 * packet remains; no lease can close it.) No refresh token is sent without being counted, and none is
 * counted by two holders unaware of each other.
 *
 * **What a lease cannot do** is to preserve the answer that a stopped process holds. When the lease
 * expires, the next holder finds the intent open: the token may have been rotated, and the answer may
 * exist only in that process's memory. While the access token is valid, no process sends the refresh
 * token again (`mayRepeat`); all keep using the current access token and re-read the row, and the
 * stopped process stores its answer when it resumes. Only once the access token is useless is the old
 * refresh token sent again, once per step and each send counted, until there is a definite answer: the
 * same risk that the next process takes with a file after a kill -9.
 *
 * **Why storing needs no lease.** A result is written only over the refresh token that was spent for it,
 * compared in the same statement. A process that returns late with a result while the old token is still
 * stored has the only pair known to work; to refuse it would lose the sign-in. If a person or another
 * holder has stored something else since, the comparison fails and the late result is discarded.
 *
 * A result that the database cannot store stays in memory, and the lease is renewed for as long as the
 * database answers; if it is unreachable for so long that the lease expires, the open intent protects the
 * token as above.
 */
export class SharedSignIns implements OwnSignIns {
  readonly #database: Database
  readonly #row: SignInRow
  readonly #clock: Clock
  readonly #warn: (message: string) => void
  readonly #lease: RefreshLease
  readonly #rotation: Rotation<Reserved>
  #saving: NodeJS.Timeout | null = null

  constructor(options: SharedSignInsOptions) {
    this.#database = options.database
    this.#row = new SignInRow(options.database, options.keys)
    this.#clock = options.clock ?? systemClock
    this.#warn = options.onWarning ?? (() => {})
    this.#lease = new RefreshLease({ ...options, row: this.#row })
    this.#rotation = new Rotation({
      ...options,
      store: this.#rotationStore(),
      intents: this.#lease.intents,
    })
  }

  /** Re-encrypts with the newest key what was sealed with an older one. Never throws. */
  async open(): Promise<void> {
    try {
      const row = await this.#row.read()
      // The process that loses this race finds the work already done.
      if (this.#row.isStale(row)) await this.#row.replace(row, row.text())
    } catch (error) {
      this.#warn(`the sign-in in the database was not re-encrypted: ${messageOf(error)}`)
    }
  }

  async current(): Promise<OwnContent> {
    try {
      const row = await this.#row.read()
      const document = documentOf(row)
      return document === null ? { kind: 'absent' } : activeSignIn(document, row.place)
    } catch (error) {
      return { kind: 'unusable', reason: 'store', message: messageOf(error) }
    }
  }

  async list(): Promise<OwnSignIn[]> {
    try {
      const document = documentOf(await this.#row.read())
      return document === null ? [] : allSignIns(document)
    } catch {
      return []
    }
  }

  async read(): Promise<StoredSignIn> {
    return oauthOnly(await this.current())
  }

  async refresh(spent: Generation, signal: AbortSignal, options?: RepeatPolicy): Promise<RefreshOutcome> {
    const outcome = await this.#rotation.refresh(spent, signal, options)
    if (outcome.kind === 'unsaved') this.#saveSoon()
    return outcome
  }

  saveUnsaved(): Promise<boolean> {
    return this.#rotation.saveUnsaved()
  }

  /** Calls `listener` on each change: by notification, and by a regular read in case one was missed. */
  watch(listener: () => void): Disposable {
    let seen: number | null = null
    let closed = false
    const look = async () => {
      const row = await this.#row.read().catch(() => null)
      if (closed || row === null || row.version === seen) return
      const first = seen === null
      seen = row.version
      if (!first) listener()
    }
    const hearing = this.#database.listen(SIGN_IN_CHANNEL, (payload) => {
      const version = Number(payload)
      if (payload === '' || Number.isNaN(version)) void look()
      else if (version !== seen) {
        seen = version
        listener()
      }
    })
    void look()
    const poll = setInterval(() => void look(), POLL_MS).unref()
    return {
      [Symbol.dispose]() {
        closed = true
        clearInterval(poll)
        hearing[Symbol.dispose]()
      },
    }
  }

  async signIn(given: NewSignIn): Promise<OwnSignIn> {
    const now = this.#clock.now()
    const base = { id: newId(now), signedInAt: now }
    const signIn: OwnSignIn =
      given.kind === 'api-key'
        ? { ...base, kind: 'api-key', key: given.key }
        : { ...base, kind: 'oauth', generation: firstGeneration(given.tokens, given.requestedScopes, now) }
    await this.#change(true, (document, place) => withSignIn(document ?? emptyDocument(place), signIn, place))
    return signIn
  }

  async logout(): Promise<boolean> {
    let removed = false
    await this.#change(false, (document) => {
      removed = document !== null && allSignIns(document).length > 0
      return document && { ...document, active: null, signIns: [] }
    })
    return removed
  }

  async adopt(): Promise<boolean> {
    let adopted = false
    await this.#change(false, (document, place) => {
      adopted = document !== null && document['machine'] !== place
      return adopted ? { ...document, machine: place } : null
    })
    return adopted
  }

  /**
   * Takes over sign-ins that a file gives away. Called again with the same, it changes
   * nothing, whatever became of them since.
   *
   * @throws StoreError
   */
  takeOver(given: GivenAway): Promise<void> {
    return this.#change(
      false,
      (document, place) => {
        const next = arrived(document ?? emptyDocument(place), given, 1 + MAX_FORMER)
        return next && { ...next, machine: place }
      },
      given.intent,
    )
  }

  /** Ends the background work; saving an unsaved result is tried a last time. */
  async close(): Promise<void> {
    this.#lease.close()
    if (this.#saving) {
      clearInterval(this.#saving)
      await this.saveUnsaved().catch(() => false)
    }
  }

  /**
   * Reads, changes, and writes if the row is unchanged; starts over when another process was faster.
   *
   * @param byPerson an unreadable row is moved to another id and replaced
   * @param change null = nothing is to be written
   * @throws StoreError
   */
  async #change(
    byPerson: boolean,
    change: (document: OwnDocument | null, place: string) => OwnDocument | null,
    intent: Intent | null = null,
  ): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const row = await this.#row.read()
      let document: OwnDocument | null
      try {
        document = documentOf(row)
      } catch (error) {
        // A different key is no damage: with the right key the sign-in still works.
        if (!byPerson || !this.#row.isOpenable(row)) throw error
        await this.#putAside(row, messageOf(error))
        continue
      }
      const next = change(document, row.place)
      if (next === null || (await this.#row.replace(row, formatOwnFile(next), { intent }))) return
    }
    throw new StoreError('other gateways keep changing the sign-in in the database')
  }

  async #putAside(row: ReadRow, why: string): Promise<void> {
    const aside = `unreadable-${newId(this.#clock.now())}`
    if (await this.#row.putAside(row, aside)) this.#warn(`${why}; it was moved to ${aside}`)
  }

  #rotationStore(): RotationStore<Reserved> {
    return {
      read: () => this.read(),
      lock: (waitMs, signal) => this.#lease.acquire(waitMs, signal),
      // The count of the send, written right before it leaves, proves that the database takes writes.
      prepare: async () => NO_ROOM_NEEDED,
      replace: (_room, spent, next) => this.#replace(spent, next),
      // A write here is one statement: it happened or it did not.
      recover: async () => {},
    }
  }

  async #replace(spent: Generation, next: Generation): Promise<'saved' | StoredSignIn> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const row = await this.#row.read()
      const document = documentOf(row)
      if (document === null) return { kind: 'absent' }
      const stored = oauthOnly(activeSignIn(document, row.place))
      if (!stillHoldsRefreshToken(stored, spent)) return stored
      const text = formatOwnFile(withGeneration(document, next))
      if (await this.#row.replace(row, text, { spent: spent.refreshToken!.fingerprint })) return 'saved'
    }
    throw new StoreError('other gateways keep changing the sign-in in the database')
  }

  /** The keeper backs off; a database that works again is reported at once. */
  #saveSoon(): void {
    this.#saving ??= setInterval(() => void this.#saveAgain(), SAVE_AGAIN_MS).unref()
  }

  async #saveAgain(): Promise<void> {
    if (!(await this.saveUnsaved()) || !this.#saving) return
    clearInterval(this.#saving)
    this.#saving = null
  }
}

/** @returns null where nothing was ever stored @throws StoreError where it cannot be read */
function documentOf(row: ReadRow): OwnDocument | null {
  if (row.version === 0) return null
  const parsed = parseOwnFile(row.text())
  if ('document' in parsed) return parsed.document
  throw new StoreError(`the sign-in in the database ${parsed.broken}`)
}

/**
 * Moves our own sign-ins from a home's file into the database, where every gateway uses them; the file
 * keeps a mark and no token. Interrupted at any point, it can be run again and completes: at no moment are
 * both places used.
 *
 * @returns false when the file had nothing to move (any more)
 * @throws StoreError
 */
export function moveSignIn(file: OwnStore, database: SharedSignIns): Promise<boolean> {
  return file.giveAway((given) => database.takeOver(given))
}
