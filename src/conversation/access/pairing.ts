/** Who may talk, beside the allowlists of the configuration. Implemented by each storage. */
export interface Pairings {
  isApproved(channel: string, personId: string): Promise<boolean>
  approved(): Promise<
    ReadonlyArray<{
      readonly channel: string
      readonly personId: string
      readonly personName: string | null
      readonly at: number
    }>
  >
  pending(now: number): Promise<readonly PendingPairing[]>
  /** The state of one person's asking, for the policy that decides on an answer. */
  request(channel: string, personId: string): Promise<PendingPairing | null>
  save(pending: PendingPairing): Promise<void>
  /** Approves who holds `code`. Null: no such code, or it is over. */
  approve(
    channel: string,
    code: string,
    now: number,
  ): Promise<{ readonly personId: string; readonly personName: string | null } | null>
  revoke(channel: string, personId: string): Promise<boolean>
  /** Failed guesses at codes of a channel since `since`. */
  guesses(channel: string, since: number): Promise<number>
  recordGuess(channel: string, now: number): Promise<void>
}

export interface PendingPairing {
  readonly channel: string
  readonly personId: string
  readonly personName: string | null
  readonly code: string
  readonly createdAt: number
  readonly expiresAt: number
  /** When this person was last answered: once an hour at most. */
  readonly answeredAt: number
}
