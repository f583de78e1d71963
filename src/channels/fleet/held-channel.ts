import type { Receiver } from '../../conversation/receiver.ts'
import type { Fence } from '../../inbox/arrival.ts'
import { NotHere } from '../../inbox/delivery/send-channel.ts'
import type { Candidacy, Fleet, Tenure } from '../../inbox/fleet/fleet.ts'
import type { Clock } from '../../support/clock.ts'
import { StoreError } from '../../support/errors.ts'
import type { Channel, ChannelStatus } from '../channel.ts'

export interface HeldChannelOptions {
  readonly channel: Channel
  /** The right to it in the fleet: the same for all who would use the same account. */
  readonly name: string
  readonly fleet: Pick<Fleet, 'hold' | 'hasStandby'>
  readonly clock: Clock
  /** This process speaks for the channel now. */
  readonly onHeld: () => void
  /** Not any more: resolves when nothing that it sent is under way. */
  readonly onLeaving: () => Promise<void>
}

/**
 * A platform that several gateways could connect to, and one does. The others stand by. What a
 * holder takes in carries its fence, so that one that was stopped and woken can store nothing; what
 * it sends it sends only while nobody else can have become the holder.
 */
export class HeldChannel implements Channel {
  readonly channel: string
  readonly push: boolean
  readonly draftIntervalMs: number | null
  readonly ownWords?: NonNullable<Channel['ownWords']>
  readonly remove?: NonNullable<Channel['remove']>
  readonly reactions?: NonNullable<Channel['reactions']>
  readonly #options: HeldChannelOptions
  readonly #inner: Channel
  #candidacy: Promise<Candidacy> | null = null
  #tenure: Tenure | null = null
  #fence: Fence | null = null
  #since: number

  constructor(options: HeldChannelOptions) {
    const inner = options.channel
    this.#options = options
    this.#inner = inner
    this.channel = inner.channel
    this.push = inner.push
    this.draftIntervalMs = inner.draftIntervalMs
    this.#since = options.clock.now()
    if (inner.ownWords) this.ownWords = (text, address) => inner.ownWords!(text, address)
    if (inner.remove) this.remove = (address, platformId) => inner.remove!(address, platformId)
    const { reactions } = inner
    if (reactions) {
      this.reactions = {
        single: reactions.single,
        // Elsewhere they are the holder's.
        set: async (...change) => (this.here ? reactions.set(...change) : 'done'),
      }
    }
  }

  /** For messages that do not depend on who holds the channel: alerts of the leading process. */
  get unwrapped(): Channel {
    return this.#inner
  }

  get here(): boolean {
    return this.#tenure?.isFresh ?? false
  }

  /** Of this process's newest tenure, also of one that has ended: the store refuses that. */
  get fence(): Fence | null {
    return this.#fence
  }

  async start(receiver: Receiver): Promise<void> {
    this.#candidacy ??= this.#options.fleet.hold(this.#options.name, (tenure) =>
      this.#serve(receiver, tenure),
    )
    await this.#candidacy
  }

  /**
   * Receives nothing more. Where others would speak for the channel the right to it goes over at
   * once; else it is kept until the fleet is left, for the answers that are finished until then.
   */
  async stop(): Promise<void> {
    const candidacy = await this.#candidacy
    if (this.#tenure && !this.#options.fleet.hasStandby) return await this.#inner.stop()
    this.#candidacy = null
    await candidacy?.stop()
  }

  status(): ChannelStatus {
    const status = this.#inner.status()
    if (this.#tenure || this.#candidacy === null) return status
    return { ...status, state: 'standby', problem: null, since: this.#since }
  }

  split(text: string): readonly string[] {
    return this.#inner.split(text)
  }

  send(...args: Parameters<Channel['send']>): Promise<string> {
    return this.#asHolder(() => this.#inner.send(...args))
  }

  edit(...args: Parameters<Channel['edit']>): Promise<void> {
    return this.#asHolder(() => this.#inner.edit(...args))
  }

  typing(address: string): void {
    if (this.here) this.#inner.typing(address)
  }

  async #serve(receiver: Receiver, tenure: Tenure): Promise<() => Promise<void>> {
    this.#tenure = tenure
    this.#fence = tenure.fence
    await this.#inner.start(fenced(receiver, tenure))
    this.#options.onHeld()
    return async () => {
      this.#tenure = null
      this.#since = this.#options.clock.now()
      await Promise.all([this.#inner.stop(), this.#options.onLeaving()])
    }
  }

  /** A result is returned even if the tenure ended in the meantime: otherwise the message would be sent again. */
  #asHolder<T>(work: () => Promise<T>): Promise<T> {
    return this.here ? work() : Promise.reject(this.#notHere())
  }

  #notHere(): NotHere {
    return new NotHere(`another process speaks for ${this.channel}`)
  }
}

function fenced(receiver: Receiver, tenure: Tenure): Receiver {
  return {
    async receive(channel, items, cursors) {
      // Avoids a call that the store would refuse and that would count as a store failure.
      if (!tenure.isFresh) throw new StoreError('another process receives by now')
      return await receiver.receive(channel, items, cursors, tenure.fence)
    },
    mayTalk: (...who) => receiver.mayTalk(...who),
  }
}
