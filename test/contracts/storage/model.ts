import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Lease } from '../../../src/inbox/lease.ts'
import { assertProperty } from '../../support/test-chance.ts'
import { type Subject, command, message, TELL, type Driver, STOP } from './kit.ts'

/** What people and the gateway may do, in any order; small ranges, so that they meet. */
type Step =
  | {
      readonly kind: 'message' | 'stop' | 'lease' | 'step' | 'answer' | 'return' | 'fail' | 'hold' | 'late'
      readonly chat: number
    }
  | { readonly kind: 'crash' }

const chats = fc.nat({ max: 2 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('message' as const), chat: chats }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('lease' as const), chat: chats }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'step' as const,
        'answer' as const,
        'return' as const,
        'fail' as const,
        'hold' as const,
        'late' as const,
      ),
      chat: chats,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stop' as const), chat: chats }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
)

/** One conversation, as simply as it can be said. */
interface Oracle {
  waiting: string[]
  leased: Lease | null
  /** Leases that have ended in whatever way: none of them may be taken again. */
  readonly over: Lease[]
  readonly answered: string[]
  /** Steps that are stored of the turn of its oldest message. */
  steps: number
}

/**
 * The store against a list: whatever the order of arrivals, leases, ends, stops and crashes, each
 * message is answered once, in its order, no result of a lost lease is ever taken, and no stored step is lost.
 */
export function modelContract(subject: Subject): void {
  test('in whatever order things happen, each message is answered once and in its turn', async () => {
    let run = 0
    const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const fixture = new ModelFixture(subject.driver, `run${++run}`)
      for (const one of steps) await fixture.apply(one)
      await fixture.answerAll()
    })
    await expect(assertProperty(property, { numRuns: 40 })).resolves.toBeUndefined()
  })
}

class ModelFixture {
  readonly #driver: Driver
  readonly #prefix: string
  readonly #chats: Oracle[] = [0, 1, 2].map(() => ({
    waiting: [],
    leased: null,
    over: [],
    answered: [],
    steps: 0,
  }))
  #ids = 0
  #process = 1

  constructor(driver: Driver, prefix: string) {
    this.#driver = driver
    this.#prefix = prefix
  }

  #id(chat: number): string {
    return `telegram:${this.#prefix}-${chat}`
  }

  async apply(step: Step): Promise<void> {
    const { inbox } = this.#driver.storage
    if (step.kind === 'crash') {
      await inbox.recover(`${this.#prefix}-${++this.#process}`, this.#driver.tick())
      for (const chat of this.#chats) this.#end(chat)
      return
    }
    const chat = this.#chats[step.chat]!
    const over = { address: `${this.#prefix}-${step.chat}` }
    switch (step.kind) {
      case 'message': {
        const id = `m${++this.#ids}`
        await this.#driver.acceptOne(message(id, { ...over, text: id }))
        chat.waiting.push(id)
        return
      }
      case 'stop':
        await this.#driver.acceptOne(command(`c${++this.#ids}`, STOP, over))
        chat.waiting = []
        chat.steps = 0
        return this.#end(chat)
      case 'lease':
        return this.#lease(chat, step.chat)
      case 'late':
        for (const lease of chat.over) {
          assert.equal(await this.#driver.answer(lease, 'late'), false)
          assert.equal(await this.#saveStep(lease, chat.steps), false)
        }
        return
      case 'step':
        if (chat.leased) assert.equal(await this.#saveStep(chat.leased, chat.steps++), true)
        return
      default:
        if (chat.leased) await this.#finish(chat, chat.leased, step.kind)
    }
  }

  async #lease(chat: Oracle, index: number): Promise<void> {
    const owner = `${this.#prefix}-${this.#process}`
    const lease = await this.#driver.lease(this.#id(index), { owner, merge: false })
    const expected = chat.leased ? null : (chat.waiting[0] ?? null)
    assert.equal(lease?.messages[0]?.text ?? null, expected)
    if (!lease) return
    const asked = lease.history.filter((row) => row.role === 'user').map((row) => row.text)
    assert.deepEqual(asked, chat.answered)
    assert.equal(lease.journal.steps.length, chat.steps)
    chat.leased = lease
  }

  #saveStep(lease: Lease, index: number): Promise<boolean> {
    const step = { index, response: '{}', maxTokens: 1, calls: [] }
    return this.#driver.storage.inbox.saveStep(lease, { step, terms: '{}' }, this.#driver.tick())
  }

  async #finish(chat: Oracle, lease: Lease, kind: 'answer' | 'return' | 'fail' | 'hold'): Promise<void> {
    const driver = this.#driver
    const taken = await {
      answer: () => driver.answer(lease),
      return: () => driver.finish(lease, { kind: 'returned' }),
      fail: () => driver.finish(lease, { kind: 'failed', reason: 'a bug', retryAt: driver.now }),
      hold: () => driver.finish(lease, { kind: 'held', outage: TELL }),
    }[kind]()
    assert.equal(taken, true)
    if (kind === 'answer') {
      chat.answered.push(chat.waiting.shift()!)
      chat.steps = 0
    }
    this.#end(chat)
  }

  #end(chat: Oracle): void {
    if (chat.leased) chat.over.push(chat.leased)
    chat.leased = null
  }

  /** Everything that still waits is answered; nothing is left and nothing is out of place. */
  async answerAll(): Promise<void> {
    await this.apply({ kind: 'crash' })
    for (const [index, chat] of this.#chats.entries()) {
      while (chat.waiting.length > 0) {
        await this.#lease(chat, index)
        await this.#finish(chat, chat.leased!, 'answer')
      }
      await this.#lease(chat, index)
      const sent = await this.#driver.drain(this.#id(index))
      assert.equal(sent.filter((text) => text === 'answer').length, chat.answered.length)
    }
    const { received, answering, held } = await this.#driver.storage.inbox.counts()
    assert.deepEqual([received, answering, held], [0, 0, 0])
  }
}
