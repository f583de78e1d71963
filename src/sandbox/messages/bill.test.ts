import { expect, it } from 'vitest'
import { say, useSandbox } from '../../../test/support/provider/sandbox-client.ts'
import { costOf } from './bill.ts'
import { SIMULATED_MODELS } from './model-table.ts'

const MILLION = { input: 1e6, output: 1e6, cacheRead: 1e6, cacheWrite5m: 1e6, cacheWrite1h: 1e6 }

it('prices every kind of token, and says where a price is not known', () => {
  const cost = (id: string) =>
    costOf(MILLION, SIMULATED_MODELS.find((model) => model.id === id)!.rules.prices)
  expect(cost('claude-sonnet-5-5')).toBeCloseTo(2 + 10 + 0.2 + 2.5 + 4)
  expect(cost('claude-opus-5-5')).toBeCloseTo(4 + 20 + 0.2 + 5 + 8)
  expect(cost('claude-haiku-5-5')).toBeNull()
})

it('bills what was answered, and nothing that was refused', async () => {
  const sandbox = await useSandbox({ answer: { style: { text: 'x'.repeat(400) } } })
  expect(sandbox.state().bill).toEqual([])
  await say(sandbox, 'y'.repeat(400))
  expect((await say(sandbox, ' ')).status).toBe(400)
  const [row, ...others] = sandbox.state().bill
  expect(others).toEqual([])
  expect(row).toMatchObject({ model: 'claude-sonnet-5-5', requests: 1, output: 100, cacheRead: 0 })
  expect(row!.input).toBeGreaterThanOrEqual(100)
  expect(row!.costUsd).toBeCloseTo((row!.input * 2 + 100 * 10) / 1e6)
})
