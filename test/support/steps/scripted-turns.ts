import type { Question, ScriptedReply } from '../../../src/sandbox/types.ts'
import type { Random } from '../chance.ts'

const MOST_STEPS = 3
const MOST_CALLS = 4
/** Of one call. */
const LONGEST_MS = 20
const TOOLS = ['look', 'note', 'act', 'act'] as const

const UNKNOWN = 'Its outcome is unknown'
const NOT_RUN = 'Not run'

interface Turn {
  readonly id: string
  /** See `begin`. */
  readonly steps: ReadonlyArray<readonly string[]>
  /** By the index of a response: each time it was asked for. */
  readonly asked: number[][]
  /** The messages after the question, as they were sent first. */
  readonly sent: string[]
  /** What the model has read of each call, and when first. */
  readonly told: Map<string, { readonly text: string; readonly at: number }>
  readonly problems: string[]
}

/** What the tools wrote into the log, by the call. */
interface Runs {
  readonly begun: readonly string[]
  readonly done: readonly string[]
}

interface Block {
  readonly type: string
  readonly text?: string
  readonly id?: string
  readonly tool_use_id?: string
  readonly content?: unknown
  readonly input?: { readonly call: string }
}

type Messages = Question['messages']

/**
 * The simulated model's part of turns with tools, and what must hold of them. Each response has a number of its own
 * in its text, so that it shows in later requests, in what the tools were called with and in the chat which one was kept.
 */
export class ScriptedTurns {
  readonly #turns = new Map<string, Turn>()
  #asked = 0

  /**
   * What a person writes for a turn.
   *
   * @param steps the names of the tools that each response calls; the one after the last has no call
   */
  begin(id: string, steps: Turn['steps']): string {
    this.#turns.set(id, { id, steps, asked: [], sent: [], told: new Map(), problems: [] })
    return `Begin turn ${id}.`
  }

  readonly reply = ({ messages }: Question): ScriptedReply => {
    const { turn, after } = this.#turnOf(messages)
    note(turn, after)
    const index = indexOf(after)
    const number = ++this.#asked
    ;(turn.asked[index] ??= []).push(number)
    const calls = (turn.steps[index] ?? []).map((name, place) => ({
      name,
      input: {
        call: `${turn.id}/${index}/${place}/${number}`,
        ms: Math.floor((((number * 7 + place * 11) % 10) / 10) * LONGEST_MS),
      },
    }))
    return { text: textOf(turn, index, number), calls }
  }

  /** Whether the chat shows an end of the turn. */
  isAnswered(id: string, shown: readonly string[]): boolean {
    const { steps } = this.#turns.get(id)!
    return shown.some((text) => text.includes(`Response ${steps.length} of ${id},`))
  }

  /** Checks everything that a turn has led to. */
  judge(id: string, shown: readonly string[], log: readonly string[], deaths: number) {
    const turn = this.#turns.get(id)!
    const { steps, asked, told } = turn
    const broken = [...turn.problems]
    const kept = steps.map((_, index) => asked[index]?.at(-1) ?? 0)
    const whole = [...kept, asked[steps.length]?.at(-1) ?? 0]
      .map((number, index) => textOf(turn, index, number))
      .join('\n\n')
    // An answer that is late says so before its first word.
    const answers = shown.filter((text) => text.endsWith(whole)).length
    const ends = shown.filter((text) => text.includes(`Response ${steps.length} of ${id},`)).length
    if (answers === 0) broken.push(`lost: shown is ${JSON.stringify(shown)} instead of ${whole}`)
    if (ends > answers) broken.push(`doubled: another answer than ${whole}: ${JSON.stringify(shown)}`)
    if (answers - 1 > deaths) broken.push(`doubled: answered ${answers} times after ${deaths} kills`)
    let effects = 0
    let unknown = 0
    for (const [index, names] of steps.entries()) {
      const again = asked[index]?.length ?? 0
      if (again - 1 > deaths) broken.push(`doubled: response ${index} was asked for ${again} times`)
      for (const [place, name] of names.entries()) {
        const call = `${id}/${index}/${place}`
        const { begun, done } = runsOf(call, log)
        const { text: result, at } = told.get(`${call}/${kept[index]}`) ?? { text: '', at: 0 }
        if (begun.some((line) => Number(line.split(' ').at(-1)) > at))
          broken.push(`doubled: ${call} ran again although its result was stored`)
        if (begun.some((line) => !line.includes(`${call}/${kept[index]} `)))
          broken.push(`doubled: ${call} ran for a response that was not kept: ${begun.join(', ')}`)
        if (name === 'act') {
          effects += begun.length
          if (begun.length > 1) broken.push(`doubled: the effect ${call} ran ${begun.length} times`)
          if (result.includes(UNKNOWN)) unknown++
          else if (result.startsWith(NOT_RUN) ? begun.length > 0 : done.length !== 1)
            broken.push(`the effect ${call}, begun ${begun.length} times, is told as ${result}`)
        } else {
          if (begun.length - 1 > deaths) broken.push(`${call} ran ${begun.length} times`)
          if (result !== `did ${call}/${kept[index]}`) broken.push(`${name} ${call} is told as ${result}`)
        }
      }
    }
    return {
      askedAgain: asked.flat().length - asked.length,
      effects,
      unknown,
      sentAgain: Math.max(0, answers - 1),
      /** Drafts whose id was not stored when their process was killed. */
      left: shown.length - ends,
      broken,
    }
  }

  /** The requests for one response of a turn, of all that the provider got. */
  requestsOf<Request extends { readonly messages: Messages }>(
    id: string,
    index: number,
    requests: readonly Request[],
  ): Request[] {
    return requests.filter(({ messages }) => {
      const { turn, after } = this.#turnOf(messages)
      return turn.id === id && indexOf(after) === index
    })
  }

  #turnOf(messages: Messages) {
    const at = messages.findLastIndex(({ role, content }) => role === 'user' && questionIn(content) !== null)
    const turn = this.#turns.get(questionIn(messages[at]?.content) ?? '')
    if (!turn) throw new Error(`a request about no turn: ${JSON.stringify(messages.at(-1))}`)
    return { turn, after: messages.slice(at + 1) }
  }
}

/** One to four calls in each of two or three responses. */
export function randomSteps(random: Random): string[][] {
  const call = () => TOOLS[Math.floor(random() * TOOLS.length)]!
  const calls = () => Array.from({ length: 1 + Math.floor(random() * MOST_CALLS) }, call)
  return Array.from({ length: 2 + Math.floor(random() * (MOST_STEPS - 1)) }, calls)
}

function indexOf(after: Messages): number {
  return after.filter(({ role }) => role === 'assistant').length
}

/** The id of the turn that a message begins; null = none. */
function questionIn(content: unknown): string | null {
  const texts =
    typeof content === 'string' ? [content] : (content as Block[] | undefined)?.map(({ text }) => text)
  return /Begin turn (\S+)\./.exec(texts?.join('\n') ?? '')?.[1] ?? null
}

/** What was sent once is sent ever after, byte by byte, but for the marks of the cache. */
function note(turn: Turn, after: Messages): void {
  for (const [index, message] of after.entries()) {
    const json = JSON.stringify(message, (key, value: unknown) =>
      key === 'cache_control' ? undefined : value,
    )
    const before = (turn.sent[index] ??= json)
    if (before !== json) turn.problems.push(`message ${index} was ${before} and is ${json}`)
    for (const { type, tool_use_id, content } of message.content as Block[]) {
      if (type !== 'tool_result') continue
      const calls = (after[index - 1]?.content as Block[] | undefined) ?? []
      const call = calls.find(({ id }) => id === tool_use_id)?.input?.call
      const text = typeof content === 'string' ? content : JSON.stringify(content)
      if (!turn.told.has(call!)) turn.told.set(call!, { text, at: Date.now() })
    }
  }
}

function textOf({ id }: Turn, index: number, number: number): string {
  return `Response ${index} of ${id}, number ${number}.`
}

function runsOf(call: string, log: readonly string[]): Runs {
  const lines = (what: string) => log.filter((line) => line.startsWith(`${what} ${call}/`))
  return { begun: lines('begun'), done: lines('done') }
}
