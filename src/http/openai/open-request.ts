import { CUT_SHORT } from '../../inbox/arrival.ts'
import { QUIET_WAIT_MS } from '../../inbox/gate/gate.ts'
import { type StoredMessage, HOLD_FULL } from '../../inbox/message.ts'
import type { Clock, Timer } from '../../support/clock.ts'
import { HttpProblem } from '../answers.ts'
import { holdFull, isPassable, outageProblem, type Admitted } from './admission.ts'
import type { CompletionServices } from './service.ts'
import type { CompletedAnswer } from './wire.ts'

/** Far more rows than the attempts of one request create. */
const ROWS = 200

export interface RequestListener {
  /** The whole text of the answer so far. It may restart. */
  onText(text: string): void
  /** The request is waiting for the end of an outage. */
  onHeld(): void
}

/** Follows a stored request whose client is waiting, until it is answered or has failed. */
export class OpenRequest {
  readonly #services: CompletionServices
  readonly #admitted: Admitted
  readonly #listener: RequestListener
  readonly #clock: Clock
  readonly #watches: Disposable[] = []
  /** Rejects with an HttpProblem if there is no answer. */
  readonly answer: Promise<CompletedAnswer>
  #resolve!: (answer: CompletedAnswer) => void
  #reject!: (problem: unknown) => void
  #reading = false
  #again = false
  #over = false
  #timer: Timer | null = null
  /** From when on its client has waited, in epoch milliseconds. */
  readonly #since: number

  constructor(services: CompletionServices, admitted: Admitted, listener: RequestListener, clock: Clock) {
    this.#services = services
    this.#admitted = admitted
    this.#listener = listener
    this.#clock = clock
    this.#since = clock.now()
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // The client may disconnect before anything awaits the answer.
    this.answer.catch(() => {})
    const { events, gate } = services
    this.#watches.push(
      events.watch(admitted.conversationId, (event) => {
        if (event.kind === 'changed') this.#check()
        else this.#showPartial()
      }),
    )
    // A client that does not accept waiting gets an error as soon as it would have to wait.
    if (!admitted.hold) this.#watches.push(gate.subscribe(() => this.#check()))
    this.#showPartial()
    this.#check()
  }

  /** The client has disconnected, or the gateway stops. */
  fail(problem: HttpProblem): void {
    this.#end(() => this.#reject(problem))
  }

  /** Nobody reads the answer: a request without a key is abandoned. */
  async abandon(problem: HttpProblem): Promise<void> {
    if (this.#over) return
    this.fail(problem)
    const { keyless, address, requestId, person } = this.#admitted
    if (keyless) await this.#services.channel.giveUp(address, requestId, person)
  }

  #showPartial(): void {
    if (this.#over) return
    const partial = this.#services.events.partial(this.#admitted.conversationId)
    if (partial) this.#listener.onText(partial.text)
  }

  /** Reads the request's state; one read at a time, and again if anything changed since. */
  #check(): void {
    this.#again = true
    if (this.#reading || this.#over) return
    this.#reading = true
    void this.#read()
      .catch((error: unknown) => this.#end(() => this.#reject(error)))
      .finally(() => {
        this.#reading = false
        if (this.#again) this.#check()
      })
  }

  async #read(): Promise<void> {
    const { conversations } = this.#services
    const { conversationId, requestId } = this.#admitted
    while (this.#again && !this.#over) {
      this.#again = false
      const rows = await conversations.messages(conversationId, { limit: ROWS, beforeSeq: null })
      const asked = rows.find((row) => row.role === 'user' && row.platformMessageId === requestId)
      if (!asked) throw new HttpProblem(500, 'gone', 'This request is no longer stored.')
      await this.#follow(asked, rows)
    }
  }

  async #follow(asked: StoredMessage, rows: readonly StoredMessage[]): Promise<void> {
    const reply = rows.find(({ id }) => id === asked.answeredBy)
    switch (asked.state) {
      case 'answering':
        return
      case 'received':
      case 'held':
        return this.#wait(asked.state)
      case 'answered': {
        const { last } = await this.#services.conversations.usage(asked.conversationId)
        const answer = { text: reply?.text ?? '', cut: reply?.reason === CUT_SHORT, usage: last }
        return this.#end(() => this.#resolve(answer))
      }
      case 'refused':
        throw refusal(asked.reason, reply?.text)
      case 'parked':
        throw new HttpProblem(500, 'parked', 'This could not be answered; the operator can retry it.')
      case 'withdrawn':
        throw new HttpProblem(409, 'withdrawn', 'This request was withdrawn.')
    }
  }

  async #wait(state: 'received' | 'held'): Promise<void> {
    const { gate, channel } = this.#services
    const { hold, fresh, address, requestId } = this.#admitted
    const outage = gate.current()
    const now = this.#clock.now()
    // What may be the failure of others may go past this request; not for as long as it lasts, though.
    const waits =
      outage.open || !outage.suspected ? null : Math.max(outage.tellAt, this.#since + QUIET_WAIT_MS)
    const passable = isPassable(outage, now) && (waits === null || now < waits)
    if (hold) {
      if (state === 'held' || !passable) this.#listener.onHeld()
      return
    }
    if (passable) {
      this.#timer?.cancel()
      // A short wait may turn out to be a long one.
      const until = waits ?? (outage.open || outage.probing ? null : outage.tellAt)
      if (until !== null) this.#timer = this.#clock.setTimer(() => this.#check(), Math.max(1, until - now))
      return
    }
    // Others waiting under the same key keep waiting.
    if (fresh && !(await channel.withdraw(address, requestId))) {
      this.#again = true
      return
    }
    throw outageProblem(outage, this.#clock.now())
  }

  #end(finish: () => void): void {
    if (this.#over) return
    this.#over = true
    this.#timer?.cancel()
    for (const watch of this.#watches) watch[Symbol.dispose]()
    finish()
  }
}

function refusal(reason: string | null, notice: string | undefined): HttpProblem {
  const message = notice ?? 'This request was refused.'
  if (reason === HOLD_FULL) return holdFull()
  if (reason === 'refusal') return new HttpProblem(400, 'content_filter', message)
  return new HttpProblem(400, 'refused', message)
}
