import type { CredentialOrigin } from '../credentials/credential-words.ts'

/** One outage from start to end, as `hermes incidents` and `/api/incidents` print it. Times are epoch milliseconds. */
export interface Incident {
  readonly id: string
  /** What `/readyz` reported: a credential state, `usage-limited` or `provider-unavailable`. The worst seen so far. */
  readonly status: string
  readonly reason: string | null
  /** The credential that did not work, where it was one; left out: none was at fault, or an older version wrote this. */
  readonly credential?: CredentialOrigin
  readonly openedAt: number
  /** null: it is still open. */
  readonly closedAt: number | null
  readonly counts: IncidentCounts
  /** What happened, oldest first; bounded. */
  readonly events: readonly IncidentEvent[]
  /** How many alerts were due so far: the first, then each reminder. */
  readonly alertRounds: number
  /** false: closed, and the closing alert not sent yet. Left out while no closing alert is due. */
  readonly endTold?: boolean
  /** A route has delivered one of them. */
  readonly alerted: boolean
}

/** Messages held in this outage, and their outcomes. */
export interface IncidentCounts {
  readonly held: number
  readonly answered: number
  readonly refused: number
  readonly parked: number
}

export interface IncidentEvent {
  readonly at: number
  readonly kind: 'opened' | 'changed' | 'alert' | 'recovered' | 'closed'
  /** For people; never a provider's text. */
  readonly text: string
}

/** Incidents, durable: they survive restarts. Implemented by each storage. */
export interface IncidentStore {
  /** Writes the whole record, new or known. */
  save(incident: Incident): Promise<void>
  /** The one that is still open; null = none. */
  current(): Promise<Incident | null>
  /** The newest first, at most `limit`. */
  list(limit: number): Promise<readonly Incident[]>
}
