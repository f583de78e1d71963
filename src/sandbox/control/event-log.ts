import type { Clock } from '../../support/clock.ts'
import { Emitter } from '../../support/emitter.ts'
import type { Log } from '../../support/log.ts'

/** What happened, with tokens named by fingerprint only. */
export type SandboxEventData =
  /** One request to the token endpoint and how it ended (`issued`, an OAuth error code, or the fault's name). */
  | {
      readonly kind: 'token-request'
      readonly grant: string
      readonly encoding: 'json' | 'form' | 'other'
      readonly outcome: string
      readonly fault: string | null
      /** Of the refresh token that was presented. */
      readonly presented: string | null
      /** Of the access token that was issued, also where the client never saw it. */
      readonly issued: string | null
      readonly userAgent: string
    }
  | { readonly kind: 'signed-in'; readonly account: string; readonly issued: string }
  | {
      readonly kind: 'rotated'
      readonly account: string
      readonly presented: string
      readonly issued: string
    }
  /** A spent refresh token or code was presented again: the whole family is revoked. */
  | { readonly kind: 'replayed'; readonly account: string; readonly presented: string }
  | { readonly kind: 'authorized'; readonly account: string }
  | { readonly kind: 'message'; readonly fingerprint: string; readonly stream: boolean }
  /** A request with a credential that is not accepted, or a fault that says so (401, 403). */
  | {
      readonly kind: 'rejected'
      readonly fingerprint: string
      readonly status: number
      readonly reason: string
    }
  | { readonly kind: 'failed'; readonly status: number; readonly reason: string }
  | { readonly kind: 'fault-on'; readonly target: string; readonly fault: string }
  | { readonly kind: 'repaired'; readonly target: string }
  | { readonly kind: 'expired' | 'revoked'; readonly tokens: number }
  /** Somebody followed the redirect of the token endpoint. */
  | { readonly kind: 'redirect-followed'; readonly method: string }

export type SandboxEvent = SandboxEventData & { readonly seq: number; readonly at: number }

export interface SandboxCounts {
  /** Requests to the token endpoint, whatever became of them. */
  tokenRequests: number
  /** Refreshes and exchanges carried out. */
  tokensIssued: number
  /** Answers with `invalid_grant`. */
  invalidGrants: number
  /** Spent refresh tokens or codes that were presented again. */
  replays: number
  /** Requests to `POST /v1/messages`, whatever became of them. */
  messageRequests: number
  /** Requests to `GET /v1/models`, whatever became of them. */
  modelLists: number
  /** Messages that the model began to answer. */
  messages: number
  /** 401 and 403 of the Messages API. */
  rejections: number
  /** Other failures of the Messages API. */
  failures: number
}

/** Enough for a long chaos run's last minutes, little enough to keep in memory. */
const KEPT_EVENTS = 5_000

/** The bounded record of what happened, for tests, for the control API and for people who watch. */
export class EventLog {
  readonly counts: SandboxCounts = {
    tokenRequests: 0,
    tokensIssued: 0,
    invalidGrants: 0,
    replays: 0,
    messageRequests: 0,
    modelLists: 0,
    messages: 0,
    rejections: 0,
    failures: 0,
  }
  readonly #clock: Clock
  readonly #log: Log | undefined
  readonly #added: Emitter<SandboxEvent>
  #events: SandboxEvent[] = []
  #seq = 0

  constructor(clock: Clock, log: Log | undefined) {
    this.#clock = clock
    this.#log = log
    this.#added = new Emitter((err) => log?.error({ err }, 'a listener of the sandbox failed'))
  }

  get events(): readonly SandboxEvent[] {
    return this.#events.slice(-KEPT_EVENTS)
  }

  add(data: SandboxEventData): void {
    this.#count(data)
    const event = { ...data, seq: ++this.#seq, at: this.#clock.now() } as SandboxEvent
    this.#events.push(event)
    // Cut rarely, by half: shifting an array would be the most expensive part of a message.
    if (this.#events.length >= 2 * KEPT_EVENTS) this.#events = this.#events.slice(-KEPT_EVENTS)
    this.#log?.debug({ event }, 'sandbox')
    this.#added.emit(event)
  }

  subscribe(listener: (event: SandboxEvent) => void): Disposable {
    return this.#added.subscribe(listener)
  }

  #count(data: SandboxEventData): void {
    const counts = this.counts
    if (data.kind === 'message') counts.messages++
    else if (data.kind === 'rejected') counts.rejections++
    else if (data.kind === 'failed') counts.failures++
    else if (data.kind === 'replayed') counts.replays++
    else if (data.kind === 'token-request') {
      counts.tokenRequests++
      if (data.issued !== null) counts.tokensIssued++
      if (data.outcome === 'invalid_grant') counts.invalidGrants++
    }
  }
}
