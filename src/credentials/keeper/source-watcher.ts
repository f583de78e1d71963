import type { ManagedCredential } from '../managed-credential.ts'
import type { Decision } from '../sources/decision.ts'
import { eventsOfAdoption } from './adoption.ts'
import type { KeeperContext } from './keeper-context.ts'
import { isUsable } from './keeper-state.ts'
import { isAlive } from './record-rules.ts'
import { warnUnrenewable } from './warnings.ts'

/** Said where no source holds anything: what to do is the news. */
const NOTHING_FOUND =
  'no credential was found: sign in with `hermes auth login --headless`, or set ANTHROPIC_API_KEY'

/** Loads the sources, and adopts what they say now. */
export class SourceWatcher {
  readonly #context: KeeperContext
  #decision: Decision | null = null
  #loading: Promise<void> | null = null
  #again = false

  constructor(context: KeeperContext) {
    this.#context = context
  }

  /** The newest decision about the sources. */
  get decision(): Decision | null {
    return this.#decision
  }

  /** Loads everything once, beginning after this call: a load that is under way may have missed a change. */
  reload(): Promise<void> {
    if (this.#loading) {
      this.#again = true
      return this.#loading
    }
    this.#loading = this.#load().finally(() => {
      this.#loading = null
    })
    return this.#loading
  }

  async #load(): Promise<void> {
    const { memory, resolver, clock } = this.#context
    do {
      this.#again = false
      await memory.learn(this.#context.active?.fingerprint ?? null)
      // The judge asks for the record each time: it may change while the files are read.
      const decision = await resolver.resolve({
        judge: {
          isAlive: (credential) => isAlive(memory.record, credential, clock.now()),
          isSuperseded: (fingerprint) => memory.record.superseded.includes(fingerprint),
        },
        account: this.#context.active?.accountId ?? null,
      })
      this.#apply(decision)
    } while (this.#again)
  }

  #apply(decision: Decision): void {
    const context = this.#context
    this.#decision = decision
    context.fallback = decision.fallback
    const next = decision.inUse ?? decision.dead
    if (next) {
      if (context.isActive(next.fingerprint)) context.tellState()
      else this.#adopt(next)
      return
    }
    // A file that is damaged or older than what is in use does not take away a token that works.
    if ((decision.trouble?.misconfigured === false || decision.sawSuperseded) && isUsable(context.state))
      return
    context.deactivate({
      type: 'nothing-found',
      reason: decision.trouble?.reason ?? 'absent',
      message: decision.trouble?.message ?? NOTHING_FOUND,
      misconfigured: decision.trouble?.misconfigured ?? false,
    })
  }

  #adopt(credential: ManagedCredential): void {
    const context = this.#context
    context.activate(credential, true, (token) => eventsOfAdoption(context, token))
    if (context.running) warnUnrenewable(context)
  }
}
