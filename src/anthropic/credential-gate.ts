import type { AuthStatus, KeeperNotices } from '../credentials/keeper/status.ts'
import { type Gate, type GateState, SwitchGate } from '../inbox/gate/gate.ts'
import { newId } from '../support/ids.ts'

export interface CredentialGateOptions {
  readonly keeper: KeeperNotices & { snapshot(): AuthStatus }
  /** The notice for a conversation with held messages. */
  readonly notice: string
  /** The open outage of an earlier run, so that it stays one outage; null = none. */
  readonly remembered: { readonly id: string; readonly since: number } | null
  readonly onProblem: (error: unknown) => void
}

/**
 * Shut while the credential cannot be used: no request is sent whose outcome is known.
 * The keeper alone finds out when that ends, so nothing probes through this gate.
 */
export class CredentialGate implements Gate {
  readonly #switch: SwitchGate
  readonly #notice: string
  #outage: { readonly id: string; readonly since: number } | null
  #refreshingSince: number | null = null

  constructor(options: CredentialGateOptions) {
    this.#switch = new SwitchGate(options.onProblem)
    this.#notice = options.notice
    this.#outage = options.remembered
    options.keeper.subscribe((notice) => {
      if (notice.type === 'transition') this.#follow(notice.to, notice.usable, notice.at)
    })
  }

  current(): GateState {
    return this.#switch.current()
  }

  get refreshingSince(): number | null {
    return this.#refreshingSince
  }

  subscribe(listener: (state: GateState) => void): Disposable {
    return this.#switch.subscribe(listener)
  }

  #follow(status: AuthStatus, usable: boolean, at: number): void {
    // With a reason, the current token cannot be used until then: requests wait.
    this.#refreshingSince = status.state === 'refreshing' && status.reason !== null ? at : null
    if (usable) {
      this.#outage = null
      return this.#switch.set({ open: true })
    }
    const { id, since } = (this.#outage ??= { id: newId(at), since: at })
    this.#switch.set({
      open: false,
      id,
      status: status.state,
      reason: status.reason,
      since,
      until: status.nextAttemptAt === null ? null : Date.parse(status.nextAttemptAt),
      // The recovery steps have failed, so this may last.
      tellAt: since,
      notice: this.#notice,
      probing: false,
    })
  }
}
