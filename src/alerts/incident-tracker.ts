import type { Texts } from '../config/texts.ts'
import type { CredentialOrigin } from '../credentials/credential-words.ts'
import type { Clock, Timer } from '../support/clock.ts'
import { ALERT_GIVE_UP_MS, alertAfter, DRAIN_WAIT_MS, REMINDERS_MS } from './alert-policy.ts'
import type { AlertEvent } from './alert.ts'
import type { Alerter } from './alerter.ts'
import type { Incident, IncidentCounts, IncidentEvent, IncidentStore } from './incident.ts'
import { outageCause } from './outage-cause.ts'
import { closedText, openedText, reminderText } from './wording.ts'

/** Why messages cannot be answered now, as the gate reports it. */
export interface Outage {
  /** The same from its start to its end; becomes the incident's. */
  readonly id: string
  readonly status: string
  readonly reason: string | null
  readonly since: number
}

export interface TrackerOptions {
  readonly store: IncidentStore
  readonly alerter: Pick<Alerter, 'send'>
  readonly clock: Clock
  readonly texts: Texts
  readonly host: string
  /** The credential in use, or the one that stopped working. */
  readonly credential: () => CredentialOrigin
  /** Messages waiting now. */
  readonly waiting: () => Promise<number>
  readonly onProblem: (error: unknown) => void
}

const NO_COUNTS: IncidentCounts = { held: 0, answered: 0, refused: 0, parked: 0 }

/** Events of one incident that are kept: enough for any outage that a person reads, bounded for flapping ones. */
const MAX_EVENTS = 200

/**
 * One record per outage. Opened when messages cannot be answered, closed when they can and
 * the held ones are done. Alerts follow from the record, so a restart neither repeats nor
 * loses one.
 *
 * Everything runs through one queue: the store sees the changes in their order.
 */
export class IncidentTracker {
  readonly #options: TrackerOptions
  #incident: Incident | null = null
  /** When the outage ended; held messages are being answered. */
  #recoveredAt: number | null = null
  /** How many of the messages waiting at that time are not done yet. */
  #left = 0
  #timer: Timer | null = null
  #saving: Timer | null = null
  /** Aborts the alert being sent. */
  #alerting: AbortController | null = null
  #queue: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: TrackerOptions) {
    this.#options = options
  }

  /** The open outage, or one whose messages are still being answered; null = none. */
  get current(): Incident | null {
    return this.#incident
  }

  /** Continues the incident that an earlier run left open. */
  async start(): Promise<void> {
    const { store, clock } = this.#options
    this.#incident = await store.current()
    for (const past of await store.list(RECENT_INCIDENTS)) {
      const young = past.closedAt !== null && clock.now() - past.closedAt < ALERT_GIVE_UP_MS
      if (young && past.endTold === false) void this.#sendClosing(past)
    }
    // Only the gate can close it.
    this.#schedule()
  }

  /** Reports the gate's state; null = messages can be answered. */
  observe(outage: Outage | null): void {
    this.#enqueue(async () => {
      if (outage) await this.#outage(outage)
      else await this.#recovered()
    })
  }

  /** A message was held, or a held one is done. */
  count(outcome: keyof IncidentCounts, messages = 1): void {
    this.#enqueue(async () => {
      const incident = this.#incident
      if (!incident) return
      // A count is not worth a commit of its own: those of some seconds share one.
      this.#saving ??= this.#options.clock.setTimer(
        () => this.#enqueue(() => this.#saveCounts()),
        COUNTS_SAVED_MS,
      )
      this.#incident = {
        ...incident,
        counts: { ...incident.counts, [outcome]: incident.counts[outcome] + messages },
      }
      if (this.#recoveredAt === null || outcome === 'held') return
      this.#left -= messages
      await this.#closeWhenDrained(false)
    })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    this.#saving?.cancel()
    this.#alerting?.abort()
    await this.#queue
    if (this.#incident) await this.#save(this.#incident)
  }

  async #saveCounts(): Promise<void> {
    this.#saving = null
    if (this.#incident && !this.#stopped) await this.#save(this.#incident)
  }

  async #outage(outage: Outage): Promise<void> {
    this.#recoveredAt = null
    const known = this.#incident
    const { status, reason } = outage
    const { kind, source } = this.#options.credential()
    const credential = { kind, source }
    const what = capitalized(outageCause(status, reason, credential))
    if (!known) {
      await this.#save({
        id: outage.id,
        status,
        reason,
        credential,
        openedAt: outage.since,
        closedAt: null,
        // Messages being answered when it began wait as well.
        counts: { ...NO_COUNTS, held: await this.#options.waiting() },
        events: [this.#event('opened', what)],
        alertRounds: 0,
        alerted: false,
      })
    } else if (known.status !== status || known.reason !== reason) {
      await this.#save({
        ...withEvent(known, this.#event('changed', what)),
        status,
        reason,
        credential,
      })
    }
    await this.#alertIfDue()
  }

  async #recovered(): Promise<void> {
    const incident = this.#incident
    if (!incident || this.#recoveredAt !== null) return
    this.#recoveredAt = this.#options.clock.now()
    this.#left = await this.#options.waiting()
    await this.#save({
      ...withEvent(incident, this.#event('recovered', 'Answering messages again')),
      counts: { ...incident.counts, held: Math.max(incident.counts.held, this.#left) },
    })
    await this.#closeWhenDrained(false)
  }

  /** @param poll ask the inbox as well: withdrawn and dropped messages report nothing */
  async #closeWhenDrained(poll: boolean): Promise<void> {
    const incident = this.#incident
    const recoveredAt = this.#recoveredAt
    if (!incident || recoveredAt === null) return
    const { clock, waiting } = this.#options
    const { answered, refused, parked } = incident.counts
    const drained = this.#left <= 0 || (poll && (await waiting()) === 0)
    if (!drained && clock.now() - recoveredAt < DRAIN_WAIT_MS) return this.#schedule()
    const closed: Incident = {
      ...withEvent(
        incident,
        this.#event('closed', `${answered} answered, ${refused} refused, ${parked} parked`),
      ),
      closedAt: clock.now(),
      // Without an opening alert there is no closing one.
      ...(incident.alerted ? { endTold: false } : {}),
    }
    await this.#save(closed)
    this.#incident = null
    this.#recoveredAt = null
    this.#timer?.cancel()
    // An opening alert that no route has delivered is obsolete now.
    this.#alerting?.abort()
    this.#alerting = null
    if (closed.alerted) void this.#sendClosing(closed)
  }

  /** Recorded after sending: a crash in between repeats the closing alert rather than losing it. */
  async #sendClosing(closed: Incident): Promise<void> {
    const { texts, host, store, clock, onProblem } = this.#options
    const text = closedText(closed, { texts, host, now: closed.closedAt ?? clock.now(), waiting: 0 })
    const route = await this.#send('incident.closed', closed, text)
    if (route === null || this.#stopped) return
    await store.save({ ...closed, endTold: true }).catch(onProblem)
  }

  /** Sends the first alert or the next reminder when its time has come, and sets the timer for the one after. */
  async #alertIfDue(): Promise<void> {
    const incident = this.#incident
    if (!incident || this.#recoveredAt !== null) return
    const due = nextAlertAt(incident)
    if (due === null || due > this.#options.clock.now()) return this.#schedule()
    // One at a time: an undelivered alert is still being retried.
    if (this.#alerting) return
    const context = await this.#context()
    const text = incident.alerted ? reminderText(incident, context) : openedText(incident, context)
    const event = incident.alerted ? 'incident.reminder' : 'incident.opened'
    const alerting = (this.#alerting = new AbortController())
    void this.#send(event, incident, text, alerting.signal).then((route) =>
      this.#enqueue(() => this.#alerted(incident.id, alerting, route)),
    )
  }

  /** Recorded after sending: a crash in between repeats the alert rather than losing it. */
  async #alerted(id: string, alerting: AbortController, route: string | null): Promise<void> {
    if (this.#alerting === alerting) this.#alerting = null
    const incident = this.#incident
    if (incident?.id !== id || this.#stopped) return
    const event = this.#event(
      'alert',
      route === null ? 'Alert could not be delivered' : `Alert sent through ${route}`,
    )
    const alerted = incident.alerted || route !== null
    await this.#save({ ...withEvent(incident, event), alerted, alertRounds: incident.alertRounds + 1 })
    this.#schedule()
  }

  #schedule(): void {
    this.#timer?.cancel()
    const incident = this.#incident
    if (!incident || this.#stopped) return
    const { clock } = this.#options
    if (this.#recoveredAt !== null) {
      this.#timer = clock.setTimer(() => this.#enqueue(() => this.#closeWhenDrained(true)), DRAIN_POLL_MS)
      return
    }
    const due = nextAlertAt(incident)
    if (due !== null && !this.#alerting) {
      this.#timer = clock.setTimer(() => this.#enqueue(() => this.#alertIfDue()), due - clock.now())
    }
  }

  /** An alert may be retried for hours; the record does not wait for it. */
  async #send(
    event: AlertEvent,
    incident: Incident,
    text: string,
    signal?: AbortSignal,
  ): Promise<string | null> {
    const { id, status, openedAt } = incident
    try {
      return await this.#options.alerter.send({ event, text, incident: { id, status, openedAt } }, signal)
    } catch (error) {
      this.#options.onProblem(error)
      return null
    }
  }

  async #context() {
    const { texts, host, clock, waiting } = this.#options
    return { texts, host, now: clock.now(), waiting: await waiting() }
  }

  /** A failing store must not suppress the alert: the record stays in memory. */
  async #save(incident: Incident): Promise<void> {
    this.#incident = incident
    await this.#options.store.save(incident).catch(this.#options.onProblem)
  }

  #event(kind: IncidentEvent['kind'], text: string): IncidentEvent {
    return { at: this.#options.clock.now(), kind, text }
  }

  #enqueue(work: () => Promise<void>): void {
    this.#queue = this.#queue.then(work).catch(this.#options.onProblem)
  }
}

/** Answered messages are counted as they finish; the poll covers withdrawn and dropped ones. */
const DRAIN_POLL_MS = 5_000
/** How many recent incidents to check for a closing alert that was not sent before a crash. */
const RECENT_INCIDENTS = 5
/** How old the counts of an open incident may be in the store. */
const COUNTS_SAVED_MS = 2_000

function nextAlertAt({ status, openedAt, alertRounds }: Incident): number | null {
  const after = alertAfter(status)
  if (alertRounds === 0) return after === null ? null : openedAt + after
  const reminder = REMINDERS_MS[alertRounds - 1]
  return reminder === undefined ? null : openedAt + (after ?? 0) + reminder
}

function withEvent(incident: Incident, event: IncidentEvent): Incident {
  return { ...incident, events: [...incident.events.slice(-MAX_EVENTS + 1), event] }
}

function capitalized(clause: string): string {
  return clause.charAt(0).toUpperCase() + clause.slice(1)
}
