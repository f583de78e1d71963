import type { SandboxEvent } from '../../../src/sandbox/sandbox.ts'
import type { Random } from '../chance.ts'
import { pause } from '../until.ts'
import { BotFixture } from './bot-fixture.ts'

/** Where a gateway can be killed on a message's way, in the order of the way. */
export const KILL_MOMENTS = [
  'before the commit',
  'after the commit',
  'while the model is asked',
  'in the middle of the stream',
  'after the model',
  'after the outbox',
  'after the sending',
  'at any time',
] as const
export type KillMoment = (typeof KILL_MOMENTS)[number]

export interface RoundReport {
  readonly moment: KillMoment
  /** Messages that the model was asked about twice, each allowed only because no answer was stored. */
  readonly askedAgain: number
  /** Answers that appear in a chat twice, because the kill came before the sent part was recorded. */
  readonly sentAgain: number
  /** Promises that did not hold. */
  readonly broken: readonly string[]
}

const PEOPLE = [501, 502] as const
/** The longest way from a message to its answer, while nothing is broken. */
const WAY_MS = 150
/** Long enough for a message that is edited while it grows. */
const LONG_STREAM = { delayMs: 0, deltaDelayMs: 60, wordsPerDelta: 1 }
const SHORT_STREAM = { delayMs: 20, deltaDelayMs: 3, wordsPerDelta: 3 }
const LONG_TEXT = Array.from({ length: 60 }, (_, index) => `word${index}`).join(' ')

/**
 * A bot that is killed with -9 once a round, at a chosen moment of a message's way, and
 * started again. What must hold after each: nothing lost, nothing out of order, and the
 * model asked a second time only where its answer had not been stored.
 */
export class KillFixture implements AsyncDisposable {
  readonly #fixture: BotFixture
  #round = 0

  private constructor(fixture: BotFixture) {
    this.#fixture = fixture
  }

  static async start(): Promise<KillFixture> {
    return new KillFixture(
      await BotFixture.start({
        sandbox: { answer: SHORT_STREAM },
        config: { gateway: { rate_per_person: 10_000 } },
      }),
    )
  }

  async round(moment: KillMoment, random: Random): Promise<RoundReport> {
    const { telegram, sandbox, gateway } = this.#fixture
    const number = ++this.#round
    const long = moment === 'in the middle of the stream'
    sandbox.control.answer(long ? LONG_STREAM : SHORT_STREAM)
    const before = telegram.chats.sent.length
    const texts = PEOPLE.flatMap((person) =>
      [1, 2].map((part) => `${number}.${part} of ${person}${long ? ` ${LONG_TEXT}` : ''}`),
    )
    const killed = this.#killAt(moment, random)
    for (const [index, text] of texts.entries()) telegram.say(PEOPLE[index < 2 ? 0 : 1], text)
    await killed()
    await gateway.ended
    telegram.restore()
    sandbox.control.answer(SHORT_STREAM)

    const stored = new Set(
      (await this.#fixture.stored()).flatMap(({ role, text }) => (role === 'assistant' ? [text] : [])),
    )
    const askedBefore = new Map(texts.map((text) => [text, this.#fixture.asked(text).length]))
    await gateway.start()
    const broken: string[] = []
    const answered = () => texts.every((text) => this.#shown(before).includes(`Echo: ${text}`))
    await this.#fixture
      .until(answered, 'every answer', 60_000)
      .catch(() =>
        broken.push(
          `lost: ${texts.filter((text) => !this.#shown(before).includes(`Echo: ${text}`)).join(', ')}`,
        ),
      )
    let askedAgain = 0
    for (const text of texts) {
      const times = this.#fixture.asked(text).length
      if (times > 1) askedAgain++
      if (times > 2) broken.push(`asked ${times} times: ${text}`)
      if (stored.has(`Echo: ${text}`) && times > askedBefore.get(text)!) {
        broken.push(`asked again although its answer was stored: ${text}`)
      }
    }
    let sentAgain = 0
    for (const [index, person] of PEOPLE.entries()) {
      const all = this.#shown(before, person)
      // The last answer of the round before may still have been without its note.
      const shown = all.filter((text) => !text.startsWith(`Echo: ${number - 1}.`))
      sentAgain += all.length - shown.length
      const once = shown.filter((text, place) => text !== shown[place - 1])
      sentAgain += shown.length - once.length
      const wanted = texts.slice(index * 2, index * 2 + 2).map((text) => `Echo: ${text}`)
      if (once.join('\n') !== wanted.join('\n')) broken.push(`out of order or left over: ${once.join(' | ')}`)
    }
    return {
      moment,
      askedAgain,
      sentAgain,
      broken: broken.map((line) => `round ${number}, ${moment}: ${line}`),
    }
  }

  /** Prepares the kill; the result resolves when it was done. */
  #killAt(moment: KillMoment, random: Random): () => Promise<unknown> {
    const { telegram, gateway } = this.#fixture
    const kill = () => gateway.kill('SIGKILL')
    const confirmed = telegram.confirmed
    const calls = telegram.calls.length
    const called = (method: string) => telegram.calls.slice(calls).some((call) => call.method === method)
    switch (moment) {
      case 'before the commit':
        // What a person says answers the open poll at once, and the way to the disk is longer than that.
        return kill
      case 'after the commit':
        // A message is acknowledged to the platform only after its commit.
        return () => this.#when(() => telegram.confirmed > confirmed, kill)
      case 'while the model is asked': {
        const asked = this.#asked()
        return () => asked.then(kill)
      }
      case 'in the middle of the stream':
        // The first edit: the draft's id was stored before it.
        return () => this.#when(() => called('editMessageText'), kill)
      case 'after the model': {
        const asked = this.#asked()
        return async () => {
          await asked
          await pause(SHORT_STREAM.delayMs + random() * 40)
          return kill()
        }
      }
      case 'after the outbox':
        telegram.fail('sendMessage', { kind: 'hang' }, 10)
        return () => this.#when(() => called('sendMessage'), kill)
      case 'after the sending':
        telegram.fail('sendMessage', { kind: 'drop', after: true }, 1)
        return () => this.#when(() => called('sendMessage'), kill)
      case 'at any time':
        return async () => {
          await pause(random() * WAY_MS)
          return kill()
        }
    }
  }

  #asked(): Promise<void> {
    return new Promise((resolve) => {
      const end = this.#fixture.sandbox.subscribe((event: SandboxEvent) => {
        if (event.kind !== 'message') return
        end[Symbol.dispose]()
        resolve()
      })
    })
  }

  /** Looks every turn of the event loop: the moment itself is what is wanted. */
  async #when(condition: () => boolean, then: () => Promise<unknown>): Promise<unknown> {
    const deadline = performance.now() + 60_000
    while (!condition()) {
      if (performance.now() > deadline)
        throw new Error(`the moment never came:\n${this.#fixture.gateway.stderr}`)
      await new Promise((resolve) => setImmediate(resolve))
    }
    return then()
  }

  #shown(from: number, person?: number): string[] {
    return this.#fixture.telegram.chats.sent
      .slice(from)
      .filter(({ chatId }) => person === undefined || chatId === person)
      .map(({ text }) => text)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#fixture[Symbol.asyncDispose]()
  }
}
