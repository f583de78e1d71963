import { afterEach } from 'vitest'
import type { Credential, Probe, ProbeResult, Rejection } from '../../../src/credentials/credential.ts'
import { Keeper } from '../../../src/credentials/keeper/keeper.ts'
import type { AuthStatus, KeeperNotice, KeeperWarning } from '../../../src/credentials/keeper/status.ts'
import { createResolver, type SourcePolicy } from '../../../src/credentials/sources/decision.ts'
import {
  claudeCodeSource,
  environmentSource,
  ownSource,
  type CredentialVariables,
} from '../../../src/credentials/sources/sources.ts'
import { MINUTE } from '../../../src/support/clock.ts'
import { Secret } from '../../../src/support/secret.ts'
import { FakeClock } from '../fake-clock.ts'
import { FakeMemory, MemorySignIn } from './memory-sign-in.ts'

interface KeeperFixtureOptions {
  readonly variables?: Record<string, string>
  readonly policy?: Partial<SourcePolicy>
  readonly lifeMs?: number
  readonly random?: () => number
  readonly clock?: FakeClock
}

/** A keeper over sign-ins in memory, and everything it was heard to say. */
class KeeperFixture {
  readonly clock: FakeClock
  readonly own: MemorySignIn
  readonly claudeCode: MemorySignIn
  readonly memory = new FakeMemory()
  readonly notices: KeeperNotice[] = []
  readonly probed: Credential[] = []
  probeAnswer: ProbeResult = { kind: 'rejected', rejection: { kind: 'rejected' } }
  variables: Record<string, string>
  keeper: Keeper
  readonly #options: KeeperFixtureOptions
  #environmentChanged: () => void = () => {}

  constructor(options: KeeperFixtureOptions = {}) {
    this.#options = options
    this.clock = options.clock ?? new FakeClock()
    this.variables = options.variables ?? {}
    this.own = new MemorySignIn(this.clock, options.lifeMs)
    this.claudeCode = new MemorySignIn(this.clock, options.lifeMs)
    this.keeper = this.#build()
  }

  /** The keeper of the next process, over the same files. */
  async restart(): Promise<void> {
    await this.keeper.stop()
    this.keeper = this.#build()
    await this.keeper.start()
  }

  /** What a command sees that reads the same files while the keeper runs. */
  async lookOn(): Promise<AuthStatus> {
    const looking = this.#build()
    await looking.load()
    return looking.snapshot()
  }

  setVariables(variables: Record<string, string>): void {
    this.variables = variables
    this.#environmentChanged()
  }

  /** One request: asks for the credential, and waits where it must. */
  async acquire(): Promise<Credential> {
    return this.keeper.acquire()
  }

  reject(used: Credential, rejection: Rejection = { kind: 'rejected' }): Promise<Credential> {
    return this.keeper.rejected(used, rejection)
  }

  get states(): string[] {
    return this.notices.flatMap((notice) =>
      notice.type === 'transition'
        ? [notice.to.reason === null ? notice.to.state : `${notice.to.state}:${notice.to.reason}`]
        : [],
    )
  }

  get warnings(): KeeperWarning[] {
    return this.notices.flatMap((notice) => (notice.type === 'warning' ? [notice.warning] : []))
  }

  #build(): Keeper {
    const { policy, random = () => 0.5 } = this.#options
    const adoptClaudeCode = policy?.adoptClaudeCode ?? 'auto'
    const resolver = createResolver(
      [
        ownSource({
          place: 'credentials.json',
          signIns: this.own,
          allowSandboxTokens: false,
        }),
        environmentSource({
          read: () => this.#readVariables(),
          watch: (listener) => {
            this.#environmentChanged = listener
            return { [Symbol.dispose]: () => void (this.#environmentChanged = () => {}) }
          },
          allowSandboxTokens: false,
        }),
        claudeCodeSource({ place: '.credentials.json', signIn: this.claudeCode, adopt: adoptClaudeCode }),
      ],
      { adoptClaudeCode, fallbackApiKey: policy?.fallbackApiKey ?? false },
    )
    const probe: Probe = async (credential) => {
      this.probed.push(credential)
      return this.probeAnswer
    }
    const keeper = new Keeper({
      resolver,
      memory: this.memory,
      clock: this.clock,
      random,
      probe,
    })
    keeper.subscribe((notice) => this.notices.push(notice))
    return keeper
  }

  #readVariables(): CredentialVariables {
    return Object.fromEntries(
      Object.entries(this.variables).map(([name, value]) => [name, value === '' ? null : new Secret(value)]),
    )
  }
}

const open: KeeperFixture[] = []
afterEach(async () => {
  // A refresh that never ends is waited for on the fake clock.
  for (const fixture of open.splice(0))
    await Promise.all([fixture.keeper.stop(), fixture.clock.advance(MINUTE)])
})

/** A fixture that ends with the running test; nothing is started yet. */
export function keeperFixture(options: KeeperFixtureOptions = {}): KeeperFixture {
  const fixture = new KeeperFixture(options)
  open.push(fixture)
  return fixture
}

/** A started keeper with its own sign-in. */
export async function signedInFixture(options: KeeperFixtureOptions = {}): Promise<KeeperFixture> {
  const fixture = keeperFixture(options)
  fixture.own.store()
  await fixture.keeper.start()
  return fixture
}
