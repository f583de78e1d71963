import { MINUTE, SECOND, type Clock, type Timer } from '../support/clock.ts'
import { Emitter } from '../support/emitter.ts'
import type { CredentialStateName } from './keeper/keeper-state.ts'
import type { AuthStatus, KeeperNotice, KeeperNotices } from './keeper/status.ts'

/** What happened to the credential. Times are epoch milliseconds; tokens are named by fingerprint only. */
export type TimelineEvent =
  | { readonly kind: 'started'; readonly at: number }
  /** Another token (or key) came into use. */
  | {
      readonly kind: 'token'
      readonly at: number
      readonly fingerprint: string
      readonly source: string | null
      readonly expiresAt: number | null
    }
  | {
      readonly kind: 'state'
      readonly at: number
      readonly state: CredentialStateName
      readonly reason: string | null
      /** May requests be made? */
      readonly usable: boolean
    }
  | { readonly kind: 'refresh'; readonly at: number; readonly outcome: string }
  /** Rejections that follow each other within a minute are one event. */
  | { readonly kind: 'rejection'; readonly at: number; readonly until: number; readonly count: number }

export interface TimelineOptions {
  readonly keeper: KeeperNotices & { snapshot(): AuthStatus }
  readonly facts: { get(key: string): Promise<string | null>; set(key: string, value: string): Promise<void> }
  readonly clock: Clock
  readonly onProblem: (error: unknown) => void
}

const FACT = 'credential.timeline'
/** Half a year of tokens that live eight hours, in some ten kilobytes. */
const KEPT_EVENTS = 800
/** What happens together is written together. */
const SAVE_AFTER_MS = 2 * SECOND
/** A storm of rejections is one mark on the strip. */
const SAME_STORM_MS = MINUTE
/** Outcomes of a refresh after which there is a token. */
const GOOD_OUTCOMES: ReadonlySet<string> = new Set(['renewed', 'adopted', 'unsaved'])

export function isGoodRefresh(outcome: string): boolean {
  return GOOD_OUTCOMES.has(outcome)
}

/** Remembers the life of the credential over restarts, as far back as `KEPT_EVENTS` reach. */
export class CredentialTimeline {
  readonly #options: TimelineOptions
  readonly #changes: Emitter
  #events: TimelineEvent[] = []
  #subscription: Disposable | null = null
  #timer: Timer | null = null
  #saving: Promise<void> = Promise.resolve()

  constructor(options: TimelineOptions) {
    this.#options = options
    this.#changes = new Emitter(options.onProblem)
  }

  /** Oldest first. */
  get events(): readonly TimelineEvent[] {
    return this.#events
  }

  subscribe(listener: () => void): Disposable {
    return this.#changes.subscribe(listener)
  }

  /** Before the keeper starts, so that nothing of its start is missed. */
  async start(): Promise<void> {
    const { facts, keeper, clock, onProblem } = this.#options
    this.#events = read(await facts.get(FACT).catch(onProblem))
    this.#add({ kind: 'started', at: clock.now() })
    this.#subscription = keeper.subscribe((notice) => this.#note(notice))
  }

  async stop(): Promise<void> {
    this.#subscription?.[Symbol.dispose]()
    if (this.#timer) this.#save()
    await this.#saving
  }

  #note(notice: KeeperNotice): void {
    switch (notice.type) {
      case 'transition':
        return this.#changed(notice)
      case 'refresh':
        return this.#add({ kind: 'refresh', at: notice.at, outcome: notice.outcome })
      case 'rejection':
        return this.#rejected(notice.at)
      default:
        return
    }
  }

  #changed({ at, to, usable }: Extract<KeeperNotice, { type: 'transition' }>): void {
    const token = this.#events.findLast((event) => event.kind === 'token')
    if (to.fingerprint !== null && to.fingerprint !== token?.fingerprint) {
      const { fingerprint, source } = to
      const expiresAt = to.expiresAt === null ? null : Date.parse(to.expiresAt)
      this.#add({ kind: 'token', at, fingerprint, source, expiresAt })
    }
    // A refresh ahead of time disturbs nobody, and its own event says that it was.
    if (to.state === 'refreshing' && usable) return
    const before = this.#events.findLast((event) => event.kind === 'state' || event.kind === 'started')
    const same = before?.kind === 'state' && before.state === to.state && before.reason === to.reason
    if (!same) this.#add({ kind: 'state', at, state: to.state, reason: to.reason, usable })
  }

  #rejected(at: number): void {
    const last = this.#events.at(-1)
    const storm = last?.kind === 'rejection' && at - last.until < SAME_STORM_MS ? last : null
    if (storm) this.#events.pop()
    this.#add({ kind: 'rejection', at: storm?.at ?? at, until: at, count: (storm?.count ?? 0) + 1 })
  }

  #add(event: TimelineEvent): void {
    this.#events.push(event)
    if (this.#events.length > KEPT_EVENTS) this.#events = this.#events.slice(-KEPT_EVENTS)
    this.#timer ??= this.#options.clock.setTimer(() => this.#save(), SAVE_AFTER_MS)
    this.#changes.emit()
  }

  #save(): void {
    this.#timer?.cancel()
    this.#timer = null
    const { facts, onProblem } = this.#options
    this.#saving = this.#saving.then(() => facts.set(FACT, JSON.stringify(this.#events))).catch(onProblem)
  }
}

/** Written by ourselves; what cannot be read is a new beginning. */
function read(text: string | null | void): TimelineEvent[] {
  try {
    const parsed: unknown = JSON.parse(text ?? '[]')
    return Array.isArray(parsed) ? (parsed as TimelineEvent[]) : []
  } catch {
    return []
  }
}
