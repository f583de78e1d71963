import { expect, test } from 'vitest'
import type { Random } from '../../../test/support/chance.ts'
import { conversationRow, messageRow, noChanges, THEN } from '../../../test/support/stores/rows.ts'
import { randomOfThisTest } from '../../../test/support/test-chance.ts'
import { AnswerBuilder } from '../../anthropic/answer-builder.ts'
import type { SpentKind, TurnOutcome } from '../../inbox/lease.ts'
import { Bill, type PaidTokens } from '../../sandbox/messages/bill.ts'
import { SIMULATED_MODELS } from '../../sandbox/messages/model-table.ts'
import { usdOf } from '../../usage/cost-in-words.ts'
import { PriceTable } from '../../usage/price-table.ts'
import { Spending } from '../../usage/spending.ts'
import type { ConversationRow } from '../rows/rows.ts'
import type { TurnRow } from './changes.ts'
import { decideFinish } from './finish.ts'
import { decideStep } from './journal.ts'

const REQUESTS = 10_000
const OUTAGE = { id: 'o', reason: 'r', notice: 'n' }
const NO_USAGE = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }
const ENDS: ReadonlyArray<readonly [SpentKind, TurnOutcome]> = [
  ['answer', { kind: 'answered', text: 'a', preface: null, model: 'm', usage: NO_USAGE, modelMs: 1 }],
  ['discarded', { kind: 'refused', reason: 'r', notice: 'n' }],
  ['lost', { kind: 'stopped', text: 'shown' }],
  ['lost', { kind: 'held', outage: OUTAGE }],
  ['lost', { kind: 'returned' }],
  ['lost', { kind: 'failed', reason: 'r', retryAt: 1 }],
  ['lost', { kind: 'parked', reason: 'r', notice: 'n' }],
]

/** Turns that ask the simulated provider, whose processes die, and the ledger that they leave behind. */
class Turns {
  readonly bill = new Bill()
  /** What died with its process before the store had it: nobody can know of it but the provider. */
  readonly died = new Bill()
  readonly ledger: TurnRow[] = []
  /** What the store made of what it was given. */
  readonly replies = new Set<string>()
  requests = 0
  kills = 0
  readonly #random: Random
  readonly #prices = new PriceTable()
  #unstored: Array<readonly [(typeof SIMULATED_MODELS)[number], PaidTokens]> = []

  constructor(random: Random) {
    this.#random = random
  }

  run(): void {
    const steps = this.#below(4)
    let generation = 1
    let spending = new Spending(this.#prices)
    const key = () => ({
      conversationId: 'telegram:42',
      turnId: `t${generation}`,
      generation,
      messages: ['m1'],
      person: 'anna',
      hasContext: false,
    })
    const conversation = (): ConversationRow =>
      conversationRow({ lease_turn: `t${generation}`, lease_owner: 'a', lease_at: THEN, generation })
    const waiting = () => [messageRow(1, { state: 'answering', frozen: steps > 0, group_id: 'g' })]
    const takeOver = (): void => {
      this.kills++
      for (const [model, tokens] of this.#unstored) this.died.add(model, tokens)
      this.#unstored = []
      spending = new Spending(this.#prices)
      generation++
    }
    if (this.#happens(0.1)) this.#ask(spending, 'summary')
    for (let index = 0; index < steps; index++) {
      while (this.#happens(0.1)) this.#ask(spending, 'lost')
      if (this.#happens(0.1)) this.#ask(spending, 'discarded')
      if (this.#happens(0.1)) takeOver()
      this.#ask(spending, 'step')
      const spent = spending.send()
      const step = { index, response: '{}', maxTokens: 1, calls: [] }
      // The store may take it, and its reply be lost.
      for (let stored = index; stored <= (this.#happens(0.1) ? index + 1 : index); stored++) {
        const changes = noChanges()
        const rows = { conversation: conversation(), waiting: waiting(), stored }
        this.#note('step', decideStep(rows, key(), { step, terms: null, spent }, THEN, changes))
        this.ledger.push(...changes.turns)
      }
      spending.stored(spent)
      this.#unstored = []
      if (this.#happens(0.1)) takeOver()
    }
    const [kind, outcome] = ENDS[this.#below(ENDS.length)]!
    this.#ask(spending, kind)
    const finish = (row: ConversationRow) => {
      const changes = noChanges()
      const rows = { conversation: row, waiting: waiting(), outage: { observed: 0, welcome: false } }
      const given = { ...outcome, ...spending.unstored }
      const stored = decideFinish({ ...rows, withdrawn: [] }, key(), given, THEN, changes)
      this.ledger.push(...changes.turns)
      return stored
    }
    const row = conversation()
    this.#note('end', finish(row))
    // The lease has ended with it.
    this.#note('end again', finish(row))
    this.#unstored = []
  }

  /** The provider bills the request, and says so in its stream; what is lost ends before its text. */
  #ask(spending: Spending, kind: SpentKind): void {
    this.requests++
    const model = SIMULATED_MODELS[this.#below(SIMULATED_MODELS.length)]!
    const tokens: PaidTokens = {
      input: 1 + this.#below(50_000),
      output: kind === 'lost' ? 1 : this.#below(8_000),
      cacheRead: this.#happens(0.5) ? this.#below(200_000) : 0,
      cacheWrite5m: this.#happens(0.5) ? this.#below(20_000) : 0,
      cacheWrite1h: this.#happens(0.5) ? this.#below(20_000) : 0,
    }
    this.bill.add(model, tokens)
    this.#unstored.push([model, tokens])
    const builder = new AnswerBuilder({ model: model.id, maxTokens: 8_000 })
    const usage = {
      input_tokens: tokens.input,
      output_tokens: Math.min(1, tokens.output),
      cache_read_input_tokens: tokens.cacheRead,
      cache_creation_input_tokens: tokens.cacheWrite5m + tokens.cacheWrite1h,
      cache_creation: {
        ephemeral_5m_input_tokens: tokens.cacheWrite5m,
        ephemeral_1h_input_tokens: tokens.cacheWrite1h,
      },
    }
    builder.add({ type: 'message_start', message: { model: model.id, usage } })
    if (kind === 'lost') return spending.add('lost', builder.costSoFar(1))
    const end = { stop_reason: 'end_turn' }
    builder.add({ type: 'message_delta', delta: end, usage: { output_tokens: tokens.output } })
    builder.add({ type: 'message_stop' })
    spending.add(kind, builder.build(1))
  }

  #note(what: string, isStored: boolean): void {
    this.replies.add(`${what}: ${isStored}`)
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #happens(share: number): boolean {
    return this.#random() < share
  }
}

test('the ledger is what the provider bills, to the cent, whatever becomes of turns and processes', () => {
  const turns = new Turns(randomOfThisTest())
  while (turns.requests < REQUESTS) turns.run()
  const of = <Row extends { readonly model: string }>(rows: readonly Row[], model: string) =>
    rows.filter((row) => row.model === model)
  const booked = turns.bill.rows.map(({ model }) => {
    const entries = of(turns.ledger, model)
    const [died] = of(turns.died.rows, model)
    const requests = entries.reduce((sum, row) => sum + row.requests, died?.requests ?? 0)
    const isKnown = entries.every(({ cost }) => cost !== null)
    const cost = usdOf(entries.reduce((sum, row) => sum + (row.cost ?? 0), 0)) + (died?.costUsd ?? 0)
    // Where the provider's price is unknown, no entry has one.
    const isUnknown = entries.every(({ cost }) => cost === null)
    return { model, requests, cost: isKnown ? cost.toFixed(2) : isUnknown ? 'unknown' : 'half known' }
  })
  expect(booked).toEqual(
    turns.bill.rows.map(({ model, requests, costUsd }) => ({
      model,
      requests,
      cost: costUsd?.toFixed(2) ?? 'unknown',
    })),
  )
  // All that may happen did happen.
  expect(turns.bill.rows).toHaveLength(SIMULATED_MODELS.length)
  expect(turns.kills).toBeGreaterThan(0)
  expect([...turns.replies].sort()).toEqual(['end again: false', 'end: true', 'step: true'])
  const kinds = [...new Set(turns.ledger.map(({ kind }) => kind))].sort()
  expect(kinds).toEqual(['answer', 'discarded', 'lost', 'step', 'summary'])
  expect(turns.ledger.every(({ kind, estimated }) => estimated === (kind === 'lost'))).toBe(true)
})
