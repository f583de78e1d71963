/** People with access in addition to the allowlists of the configuration. Implemented by each storage. */
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
  /** One person's pairing requests, for the policy that decides the reply. */
  request(channel: string, personId: string): Promise<PendingPairing | null>
  save(pending: PendingPairing): Promise<void>
  /** Approves the holder of `code`. Null: no such code, or it has expired. */
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
  /** When this person last got a reply: once an hour at most. */
  readonly answeredAt: number
}
