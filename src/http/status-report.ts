import type { ChannelStatus } from '../channels/channel.ts'

/** What `GET /api/status` and `hermes status --json` print. Times are ISO-8601 UTC. */
export interface StatusReport {
  readonly gateway: {
    readonly running: boolean
    readonly version: string
    readonly pid: number | null
    readonly url: string | null
    readonly startedAt: string | null
    readonly sandbox: boolean
    /** As `GET /readyz`. */
    readonly status: string
    readonly reason: string | null
  }
  /** As `hermes auth status --json`. */
  readonly credential: Readonly<Record<string, unknown>>
  readonly channels: ReadonlyArray<Omit<ChannelStatus, 'since'> & { readonly since: string }>
  readonly queue: {
    readonly received: number
    readonly answering: number
    readonly held: number
    readonly parked: number
    readonly oldestAt: string | null
  }
  /** The outage that is going on; null = none. */
  readonly incident: Readonly<Record<string, unknown>> | null
  /** Sentences that the operator should read. */
  readonly warnings: readonly string[]
}
