import type { IncidentStore } from '../alerts/incident.ts'
import type { Pairings } from '../conversation/access/pairing.ts'
import type { Conversations } from '../conversation/conversations.ts'
import type { Figures } from '../inbox/figures/figures.ts'
import type { Facts, Inbox } from '../inbox/inbox.ts'
import type { Outbox } from '../inbox/outbox.ts'
import type { Budgets } from '../usage/budgets.ts'
import type { Ledger } from '../usage/ledger.ts'

/** Everything durable of one gateway, or of several that share a database. */
export interface Storage {
  readonly inbox: Inbox
  readonly outbox: Outbox
  readonly conversations: Conversations
  readonly pairings: Pairings
  readonly facts: Facts
  readonly figures: Figures
  readonly ledger: Ledger
  readonly incidents: IncidentStore
  readonly budgets: Budgets
  /** Where the database was copied to before it was migrated; null = it had not to be. */
  readonly migrationBackup: string | null
  /**
   * A whole, consistent copy without any sign-in, at any time.
   *
   * @throws StoreError when `file` exists; ConfigurationError where the database has a tool of its own for it
   */
  backup(file: string): Promise<void>
  /** What is wrong with the database; empty = nothing. Reads all of it. */
  integrityCheck(): Promise<readonly string[]>
  sizeInfo(): Promise<SizeInfo>
  /** Bytes that may still be written where the database is; null = unknown. @throws StoreError when it cannot be reached */
  freeBytes(): Promise<number | null>
  /** A durable write, where it can be told with room for the next ones. @throws StoreError while the store takes none */
  probe(): Promise<void>
  /** Ends after everything that was called before. */
  close(): Promise<void>
}

export interface SizeInfo {
  /** Messages ever stored, about. */
  readonly messages: number
  readonly databaseBytes: number
}
