import type { Random } from '../../../test/support/chance.ts'
import { pause } from '../../../test/support/until.ts'
import { SEEN, type Trace } from './trace.ts'

/** A conversation of somebody who wants nothing but answers. */
export interface HonestPlace {
  /** One word. */
  readonly name: string
  /** The pause between two bursts of messages, on average. */
  readonly paceMs: number
  /** What comes while another message is on its way may overtake it before the gateway sees either. */
  readonly overtakes?: boolean
  /** Resolves when the message is where the gateway will get it. */
  say(text: string): Promise<void>
  /** When the platform took the answers that hold `text`, in epoch milliseconds. Left out: readers see them then. */
  takenAt?(text: string): readonly number[]
  /** What a reader sees of the gateway's answers, oldest first. */
  answers(): readonly string[] | Promise<readonly string[]>
}

const LOOK_MS = 100
/** Several messages in a row show whether their order is kept. */
const MOST_IN_A_ROW = 3

/** Says numbered messages in one place, waits for the answers, and judges them in the end. */
export class HonestChat {
  readonly #place: HonestPlace
  readonly #number: number
  readonly #random: Random
  readonly #trace: Trace
  readonly #said: Array<{ readonly text: string; readonly at: number; answeredAfterMs: number | null }> = []

  constructor(place: HonestPlace, number: number, random: Random, trace: Trace) {
    this.#place = place
    this.#number = number
    this.#random = random
    this.#trace = trace
  }

  get name(): string {
    return `${this.#place.name} ${this.#number}`
  }

  /** Waits for answers, in milliseconds. */
  get waits(): readonly number[] {
    return this.#said.map(({ answeredAfterMs }) => answeredAfterMs ?? Infinity)
  }

  /** The first message, and its answer: a conversation that begins while the gateway is away may be lost. */
  async begin(giveUpAt: number): Promise<void> {
    await this.#say()
    await this.#answered(giveUpAt)
  }

  /** Speaks until `end`, and then waits for the last answers, at most until `giveUpAt` (both as `performance.now()`). */
  async run(end: number, giveUpAt: number): Promise<void> {
    while (performance.now() < end) {
      const most = this.#place.overtakes ? 1 : MOST_IN_A_ROW
      for (let count = 1 + Math.floor(this.#random() * most); count > 0; count--) await this.#say()
      await this.#answered(giveUpAt)
      await pause(this.#place.paceMs * (0.5 + this.#random()))
    }
    await this.#answered(giveUpAt)
  }

  /** What did not hold. */
  async judge(): Promise<readonly string[]> {
    const seen = (await this.#place.answers()).join('\n')
    const places = this.#said.map(({ text }) => seen.indexOf(text))
    const order = [...seen.matchAll(/number (\d+)\./g)].map(([, number]) => number).join(' ')
    return this.#said.flatMap(({ text }, index) => {
      const times = seen.split(text).length - 1
      if (times === 0) return [`lost: ${text}`]
      if (times > 1) return [`answered ${times} times: ${text}`]
      return index > 0 && places[index]! < places[index - 1]! ? [`out of order: ${text} (${order})`] : []
    })
  }

  async #say(): Promise<void> {
    const text = `honest ${this.name} number ${this.#said.length}.`
    this.#said.push({ text, at: performance.now(), answeredAfterMs: null })
    this.#trace.note('said', text)
    await this.#place.say(text)
    this.#trace.note('handed over', text)
    await this.#look()
  }

  async #answered(giveUpAt: number): Promise<void> {
    while (!(await this.#look()) && performance.now() < giveUpAt) await pause(LOOK_MS)
  }

  /** @returns whether everything is answered */
  async #look(): Promise<boolean> {
    const open = this.#said.filter(({ answeredAfterMs }) => answeredAfterMs === null)
    if (open.length === 0) return true
    const seen = await this.#place.answers()
    const now = performance.now()
    for (const said of open)
      if (seen.some((answer) => answer.includes(said.text))) {
        said.answeredAfterMs = now - said.at
        for (const at of this.#place.takenAt?.(said.text) ?? [])
          this.#trace.note('taken by the server', said.text, at)
        this.#trace.note(SEEN, said.text)
      }
    return open.every(({ answeredAfterMs }) => answeredAfterMs !== null)
  }
}
