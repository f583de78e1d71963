/** A message to the operator, the same through every route. */
export interface Alert {
  /** The same for every attempt of the same alert, so that a receiver can drop repeats. */
  readonly id: string
  readonly event: AlertEvent
  /** Epoch milliseconds. */
  readonly at: number
  /** The first line carries the meaning: it is what a phone's lock screen shows. No sign-in link, no secret. */
  readonly text: string
  readonly incident: { readonly id: string; readonly status: string; readonly openedAt: number } | null
}

export type AlertEvent =
  | 'incident.opened'
  | 'incident.reminder'
  | 'incident.closed'
  | 'signin.changed'
  | 'signin.ending'
  | 'warning'
  | 'test'

/** One way to reach the operator. */
export interface AlertRoute {
  /** For status and metrics, such as `telegram:12345` or `webhook`; holds no secret. */
  readonly name: string
  /**
   * Checks whether the route could work, without sending anything.
   *
   * @returns what is wrong, in words for the operator; null = no problem found
   */
  check(signal: AbortSignal): Promise<string | null>
  /** Resolves once the other side has accepted the alert. @throws when it has not */
  send(alert: Alert, signal: AbortSignal): Promise<void>
}

/** How the last use of a route went, for status. */
export interface RouteStatus {
  readonly route: string
  /** null: not used and not checked yet. */
  readonly working: boolean | null
  readonly problem: string | null
  readonly at: number | null
}
