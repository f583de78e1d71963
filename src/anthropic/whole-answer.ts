import type { AnswerListener, ModelAnswer, ModelMessage, ModelRequest } from '../conversation/model.ts'
import { sumOfUsages, type TurnCost } from '../inbox/lease.ts'
import { sleep, type Clock } from '../support/clock.ts'
import type { Log } from '../support/log.ts'
import { RawContent } from './raw-content.ts'

/** One answer of the provider; those that it pauses are continued by the next. */
export interface AnswerPart {
  readonly answer: ModelAnswer
  /** Paused, and a request that ends with it continues it. */
  readonly canContinue: boolean
  /** A call of the provider's tools has no result. */
  readonly hasOpenCall: boolean
  readonly endsInText: boolean
}

/** One try to get a part. */
export class Trial {
  readonly signal: AbortSignal
  /** What the answer has so far; null = nothing. */
  readonly before: { readonly text: string; readonly endsInText: boolean } | null
  /** The answer began and broke off: it may be asked for again. */
  brokeOff = false
  #shown = false
  readonly #onText: AnswerListener['onText']
  readonly #onLost: AnswerListener['onLost']

  constructor({ signal, onText, onLost }: AnswerListener, before: Trial['before']) {
    this.signal = signal
    this.before = before
    this.#onText = onText
    this.#onLost = onLost
  }

  /** Text of this try has been shown. */
  get shown(): boolean {
    return this.#shown
  }

  show(text: string): void {
    this.#shown = true
    this.#onText(text)
  }

  /** It began, and has no end. */
  lost(cost: TurnCost): void {
    this.#onLost?.(cost)
  }
}

export interface WholeAnswerOptions {
  readonly send: (request: ModelRequest, trial: Trial) => Promise<AnswerPart>
  readonly clock: Clock
  readonly log: Pick<Log, 'warn'>
}

/** How often an answer that breaks off is asked for. After that it is an outage, which is waited for. */
const MOST_TRIALS = 3
/** A connection that broke is back at once, a server that restarts soon. Once longer for each trial. */
const TRIAL_PAUSE_MS = 250
/** Each continuation lets the provider's tools run some ten times more. */
const MOST_CONTINUATIONS = 5

/**
 * The answer to a request, complete. What breaks off is discarded and asked for again; what the provider pauses
 * is continued, and its parts become one message.
 *
 * @throws what `send` throws
 */
export async function wholeAnswer(
  request: ModelRequest,
  listener: AnswerListener,
  options: WholeAnswerOptions,
): Promise<ModelAnswer> {
  const parts: AnswerPart[] = []
  for (;;) {
    let part: AnswerPart
    try {
      part = await unbrokenPart(request, parts, listener, options)
    } catch (error) {
      for (const { answer } of parts) listener.onLost?.(answer)
      throw error
    }
    parts.push(part)
    if (part.canContinue && parts.length <= MOST_CONTINUATIONS) continue
    const joined = joinParts(parts)
    // Where our own tools were called, too, their results are all that is missing.
    const isOver = part.hasOpenCall && joined.calls.length === 0
    const answer = isOver ? withoutOpenCalls(joined) : joined
    const { droppedThinking } = answer
    if (droppedThinking !== undefined) {
      const { conversation } = request
      options.log.warn(
        { conversation, droppedThinking },
        'the provider has left out thinking of earlier answers',
      )
    }
    return answer
  }
}

async function unbrokenPart(
  request: ModelRequest,
  parts: readonly AnswerPart[],
  listener: AnswerListener,
  { send, clock, log }: WholeAnswerOptions,
): Promise<AnswerPart> {
  const sent = parts.length === 0 ? request : continuing(request, parts)
  const text = parts.map(({ answer }) => answer.text).join('')
  const before = parts.length === 0 ? null : { text, endsInText: parts.at(-1)!.endsInText }
  for (let trials = 1; ; trials++) {
    const trial = new Trial(listener, before)
    try {
      return await send(sent, trial)
    } catch (error) {
      if (!trial.brokeOff) throw error
      log.warn({ conversation: request.conversation, trials }, 'an answer broke off')
      if (trials === MOST_TRIALS || (trial.shown && !listener.onRestart)) throw error
      await sleep(clock, trials * TRIAL_PAUSE_MS, listener.signal)
      await listener.beforeRetry?.()
      if (!trial.shown) continue
      listener.onRestart!()
      if (text !== '') listener.onText(text)
    }
  }
}

/** The request that continues a paused answer: it ends with what there is of it. */
function continuing(request: ModelRequest, parts: readonly AnswerPart[]): ModelRequest {
  const { text, content, container, responseId } = joinParts(parts)
  const soFar: ModelMessage = { role: 'assistant', text, attachments: [], blocks: content }
  const follows = request.previousResponse !== undefined && responseId !== undefined
  return {
    ...request,
    messages: [...request.messages, soFar],
    ...(container === null ? {} : { container }),
    ...(follows ? { previousResponse: responseId } : {}),
  }
}

function joinParts(parts: readonly AnswerPart[]): ModelAnswer {
  const answers = parts.map(({ answer }) => answer)
  const last = answers.at(-1)!
  if (answers.length === 1) return last
  return {
    ...last,
    text: answers.map(({ text }) => text).join(''),
    content: joinArrays(answers.map(({ content }) => content)),
    isPlain: false,
    calls: answers.flatMap(({ calls }) => calls),
    container: answers.findLast(({ container }) => container !== null)?.container ?? null,
    usage: sumOfUsages(answers.map(({ usage }) => usage)),
    requests: answers.length,
    modelMs: answers.reduce((sum, { modelMs }) => sum + modelMs, 0),
    ...cacheMissIn(answers),
  }
}

/** Where the first part has missed the cache, the others find what it has written. */
function cacheMissIn(answers: readonly ModelAnswer[]): Pick<ModelAnswer, 'cacheMiss'> {
  const cacheMiss = answers.find((answer) => answer.cacheMiss !== undefined)?.cacheMiss
  return cacheMiss === undefined ? {} : { cacheMiss }
}

/** No later request can have a call of the provider's tools without what it found. */
function withoutOpenCalls(answer: ModelAnswer): ModelAnswer {
  const content = new RawContent(answer.content)
  const last = content.findLastIndex(({ type }) => type === 'text' || String(type).endsWith('_tool_result'))
  return { ...answer, content: content.endingWith(last).json }
}

/** One JSON array with the elements of several, as they are written. */
function joinArrays(arrays: readonly string[]): string {
  return `[${arrays
    .map((array) => array.slice(1, -1))
    .filter((elements) => elements !== '')
    .join(',')}]`
}
