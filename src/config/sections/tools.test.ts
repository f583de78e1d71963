import { expect, test } from 'vitest'
import { readContent } from '../shape/section.ts'
import { tools } from './tools.ts'

const read = (limits: object) => readContent(tools.shape, { limits })

test('limits become milliseconds, bytes, dollars and calls a minute', () => {
  expect(read({}).value.limits).toEqual({ steps: 40, time: 900_000, output: 65_536, rate: 30, cost: 2 })
  const { value, findings } = read({ steps: 5, time: '90s', output: 4_096, rate: '6/min', cost: 0.5 })
  expect(findings).toEqual([])
  expect(value.limits).toEqual({ steps: 5, time: 90_000, output: 4_096, rate: 6, cost: 0.5 })
  expect(read({ output: '64KB' }).value.limits.output).toBe(64_000)
})

test.each([
  [{ steps: 0 }, 'limits.steps: expected a whole number from 1 to 1000, got 0'],
  [{ output: 10 }, 'limits.output: expected from 1KiB to 512KiB'],
  [{ output: '2MiB' }, 'limits.output: expected from 1KiB to 512KiB'],
  [{ output: '64 KiB' }, 'limits.output: expected a number of bytes such as 64KiB, 64KB, 1MiB or 65536'],
  [{ rate: 30 }, 'limits.rate: expected a number of calls a minute such as 30/min, got 30'],
  [{ rate: '30/s' }, 'limits.rate: expected a number of calls a minute such as 30/min'],
  [{ costs: 2 }, expect.stringMatching(/^unknown key "limits.costs"/)],
])('%j is refused', (limits, problem) => {
  expect(read(limits).findings.map(({ message }) => message)).toEqual([problem])
})
