import type { ServerResponse } from 'node:http'
import { SECOND, type Clock, type Timer } from '../../support/clock.ts'
import { API_HEADERS, HttpProblem } from '../answers.ts'
import type { EventStream, Reader, Streams } from '../streams/sse.ts'
import type { RequestListener } from './open-request.ts'
import { openAiError } from './problem.ts'
import { ChunkWriter, completion, dataFrame, type CompletedAnswer, type Head } from './wire.ts'

/** Proxies drop a silent connection after half a minute. */
const KEEP_ALIVE_MS = 15 * SECOND
/** A stream starts at the latest after this: until then a failure can still set the status. */
const BEGIN_AFTER_MS = 10 * SECOND

/** Sends an answer to the client. */
export interface Reply extends RequestListener {
  /** Status and headers are sent: later errors are in the body. */
  readonly begun: boolean
  finish(answer: CompletedAnswer): Response | null
  /** Only after it has begun. */
  fail(problem: HttpProblem): void
  /** Cancels the timers. */
  stop(): void
}

/**
 * The answer as a stream of events. It starts with the first text, so that until then a failure
 * can set the status code.
 */
export class StreamedReply implements Reply {
  readonly #streams: Streams
  readonly #reader: Reader
  readonly #outgoing: ServerResponse
  readonly #chunks: ChunkWriter
  readonly #onContradiction: () => void
  readonly #timer: Timer
  #stream: EventStream | null = null
  #latest = ''
  #sent = ''

  /** @param onContradiction the answer restarted, and does not begin with what the client was sent */
  constructor(parts: {
    readonly streams: Streams
    readonly reader: Reader
    readonly outgoing: ServerResponse
    readonly head: Head
    readonly includeUsage: boolean
    readonly clock: Clock
    readonly onContradiction: () => void
  }) {
    this.#streams = parts.streams
    this.#reader = parts.reader
    this.#outgoing = parts.outgoing
    this.#chunks = new ChunkWriter(parts.head, parts.includeUsage)
    this.#onContradiction = parts.onContradiction
    this.#timer = parts.clock.setTimer(() => this.#begin(), BEGIN_AFTER_MS)
  }

  get begun(): boolean {
    return this.#stream !== null
  }

  onText(text: string): void {
    this.#latest = text
    if (text === '') return
    this.#begin()
    this.#show()
  }

  onHeld(): void {
    if (!this.#stream) this.#begin().write(': held\n\n')
  }

  finish(answer: CompletedAnswer): null {
    this.#latest = answer.text
    const stream = this.#begin()
    if (!answer.text.startsWith(this.#sent)) {
      this.fail(contradiction())
      return null
    }
    if (answer.text.length > this.#sent.length)
      stream.write(this.#chunks.text(answer.text.slice(this.#sent.length)))
    stream.write(this.#chunks.end(answer))
    stream.end()
    return null
  }

  stop(): void {
    this.#timer.cancel()
  }

  fail(problem: HttpProblem): void {
    this.#stream?.write(dataFrame(openAiError(problem)))
    this.#stream?.end()
  }

  #begin(): EventStream {
    if (this.#stream) return this.#stream
    this.#timer.cancel()
    const stream = (this.#stream = this.#streams.open(this.#outgoing, this.#reader, this.#chunks.begin()))
    stream.onDrain(() => this.#show())
    return stream
  }

  /** Sends the client the text it has not seen, if it accepts more. */
  #show(): void {
    const stream = this.#stream
    if (!stream?.ready) return
    if (this.#latest.startsWith(this.#sent)) {
      const more = this.#latest.slice(this.#sent.length)
      if (more !== '') stream.write(this.#chunks.text(more))
      this.#sent = this.#latest
    } else if (!this.#sent.startsWith(this.#latest)) this.#onContradiction()
  }
}

/** Text that was sent cannot be withdrawn: the client must retry. */
export function contradiction(): HttpProblem {
  return new HttpProblem(502, 'broken_off', 'The answer was cut off and restarted. Please retry.')
}

/** The answer as one JSON object. */
export class WholeReply implements Reply {
  readonly #outgoing: ServerResponse | null
  readonly #head: Head
  readonly #clock: Clock
  #timer: Timer | null = null
  #begun = false

  /** @param outgoing null: nothing can be sent before the answer is complete */
  constructor(outgoing: ServerResponse | null, head: Head, clock: Clock) {
    this.#outgoing = outgoing
    this.#head = head
    this.#clock = clock
  }

  get begun(): boolean {
    return this.#begun
  }

  onText(): void {
    // Sent when it is complete.
  }

  /** JSON may begin with white space: it keeps the connection alive through an outage. */
  onHeld(): void {
    if (this.#begun || !this.#outgoing) return
    this.#begun = true
    this.#outgoing.writeHead(200, API_HEADERS)
    this.#beat()
  }

  finish(answer: CompletedAnswer): Response | null {
    const body = JSON.stringify(completion(this.#head, answer))
    if (!this.#begun) return new Response(body, { headers: API_HEADERS })
    this.#end(body)
    return null
  }

  fail(problem: HttpProblem): void {
    this.#end(JSON.stringify(openAiError(problem)))
  }

  #beat(): void {
    this.#outgoing?.write(' ')
    this.#timer = this.#clock.setTimer(() => this.#beat(), KEEP_ALIVE_MS)
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #end(body: string): void {
    this.stop()
    this.#outgoing?.end(body)
  }
}
