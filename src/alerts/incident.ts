/** One outage from start to end, as `hermes incidents` and `/api/incidents` print it. Times are epoch milliseconds. */
export interface Incident {
  readonly id: string
  /** What `/readyz` said: a credential state, `usage-limited` or `provider-unavailable`. The worst seen so far. */
  readonly status: string
  readonly reason: string | null
  readonly openedAt: number
  /** null: it goes on. */
  readonly closedAt: number | null
  readonly counts: IncidentCounts
  /** What happened, oldest first; bounded. */
  readonly events: readonly IncidentEvent[]
  /** How often the operator was to be told: of its start, then each reminder. */
  readonly alertRounds: number
  /** false: it is over, and the operator has not been told yet. Left out as long as there is nothing to tell. */
  readonly endTold?: boolean
  /** A route has taken one of them. */
  readonly alerted: boolean
}

/** Messages that had to wait in this outage, and what became of them. */
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
