import type { KeeperMemory, KeeperRecord } from '../../../src/credentials/keeper/record.ts'
import type { OwnContent } from '../../../src/credentials/own/own-document.ts'
import type {
  Generation,
  RefreshableSignIn,
  RefreshOutcome,
  StoredSignIn,
} from '../../../src/credentials/sign-in.ts'
import type { Clock } from '../../../src/support/clock.ts'
import { Secret } from '../../../src/support/secret.ts'

/** A renewable sign-in without files and servers: the test says how each refresh ends. */
export class MemorySignIn implements RefreshableSignIn {
  readonly clock: Clock
  readonly lifeMs: number
  stored: StoredSignIn = { kind: 'absent' }
  /** What the next refreshes do, in order; when empty, they succeed. */
  readonly script: Array<RefreshOutcome | (() => Promise<RefreshOutcome> | RefreshOutcome)> = []
  /** The moments at which a refresh was begun. */
  readonly refreshes: number[] = []
  savesSucceed = true
  #count = 0
  readonly #listeners = new Set<() => void>()

  constructor(clock: Clock, lifeMs = 8 * 3_600_000) {
    this.clock = clock
    this.lifeMs = lifeMs
  }

  /** A new pair, issued now, that is nowhere yet. */
  issue(changes: Partial<Generation> = {}): Generation {
    const number = ++this.#count
    const now = this.clock.now()
    return {
      accessToken: new Secret(`sk-ant-oat01-TEST-${number}`),
      refreshToken: new Secret(`sk-ant-ort01-TEST-${number}`),
      issuedAt: now,
      expiresAt: now + this.lifeMs,
      loginExpiresAt: null,
      loginExpiryEstimated: false,
      scopes: ['user:inference'],
      accountId: 'account-1',
      accountEmail: null,
      ...changes,
    }
  }

  /** A person signs in, or another program refreshes: a new pair is stored, and watchers are notified. */
  store(generation = this.issue()): Generation {
    this.stored = { kind: 'present', generation }
    this.changed()
    return generation
  }

  changed(): void {
    for (const listener of this.#listeners) listener()
  }

  async read(): Promise<StoredSignIn> {
    return this.stored
  }

  async current(): Promise<OwnContent> {
    const { stored } = this
    if (stored.kind !== 'present') return stored
    return { kind: 'oauth', id: 'test', signedInAt: 0, generation: stored.generation }
  }

  async refresh(spent: Generation): Promise<RefreshOutcome> {
    if (this.stored.kind === 'present' && !this.stored.generation.accessToken.equals(spent.accessToken)) {
      return { kind: 'adopted', generation: this.stored.generation }
    }
    this.refreshes.push(this.clock.now())
    const next = this.script.shift()
    if (next !== undefined) return typeof next === 'function' ? next() : next
    return { kind: 'renewed', generation: this.store() }
  }

  async saveUnsaved(): Promise<boolean> {
    return this.savesSucceed
  }

  watch(listener: () => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }
}

/** The keeper's memory in this process; hand it to the next keeper to play a restart. */
export class FakeMemory implements KeeperMemory {
  record: KeeperRecord | null = null

  async load(): Promise<KeeperRecord | null> {
    return this.record
  }

  /** The same memory for the next process, out of the reach of the one that was killed. */
  afterCrash(): FakeMemory {
    const next = new FakeMemory()
    next.record = structuredClone(this.record)
    return next
  }

  async save(record: KeeperRecord): Promise<void> {
    this.record = structuredClone(record)
  }
}
