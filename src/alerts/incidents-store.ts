import type { Incident } from './incident.ts'

/** Incidents, durable: they survive restarts. Implemented by each storage. */
export interface IncidentStore {
  /** Writes the whole record, new or known. */
  save(incident: Incident): Promise<void>
  /** The one that is still open; null = none. */
  current(): Promise<Incident | null>
  /** The newest first, at most `limit`. */
  list(limit: number): Promise<readonly Incident[]>
}
