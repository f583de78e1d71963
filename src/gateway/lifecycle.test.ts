import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLog } from '../support/log.ts'
import { Lifecycle } from './lifecycle.ts'

let lines: string
let lifecycle: Lifecycle
let stack: AsyncDisposableStack
let stopped: string[]

beforeEach(async () => {
  vi.useFakeTimers()
  lines = ''
  lifecycle = new Lifecycle(await createLog({ destination: { write: (line) => void (lines += line) } }))
  stack = new AsyncDisposableStack()
  stopped = []
})

afterEach(() => vi.useRealTimers())

/** A part that says when it is stopped. */
const part = (name: string, stop: () => unknown = () => {}) =>
  lifecycle.start(stack, name, {
    start: () => name,
    stop(started) {
      stopped.push(started ?? `half of ${name}`)
      return stop()
    },
  })

const never = () => new Promise<never>(() => {})

test('what was started last is stopped first, and a start that failed half-way is stopped, too', async () => {
  await part('store')
  await part('answers')
  const failing = lifecycle.start(stack, 'port', {
    start: () => Promise.reject(new Error('taken')),
    stop: (started) => stopped.push(`port ${started}`),
  })
  await expect(failing).rejects.toThrow('taken')
  await stack.disposeAsync()
  expect(stopped).toEqual(['port undefined', 'answers', 'store'])
  expect(lines).toBe('')
})

test('a stop that throws is logged and keeps none from stopping', async () => {
  await part('store')
  await part('answers', () => {
    throw new Error('no')
  })
  await part('platforms', () => Promise.reject(new Error('neither')))
  await stack.disposeAsync()
  expect(stopped).toEqual(['platforms', 'answers', 'store'])
  expect(lines).toContain('"part":"platforms"')
  expect(lines).toContain('"part":"answers"')
  expect(lines).not.toContain('"part":"store"')
})

test('a stop that hangs is logged after five seconds and kept waiting for no longer', async () => {
  await part('store')
  await part('answers', never)
  const done = stack.disposeAsync()
  await vi.advanceTimersByTimeAsync(4_999)
  expect(stopped).toEqual(['answers'])
  await vi.advanceTimersByTimeAsync(1)
  await done
  expect(stopped).toEqual(['answers', 'store'])
  expect(lines).toContain('it did not stop within 5 s')
})

test('many that hang have 35 seconds together, and then one each', async () => {
  for (let each = 0; each < 10; each++) await part(`part ${each}`, never)
  const done = stack.disposeAsync()
  await vi.advanceTimersByTimeAsync(38_000)
  await done
  expect(stopped).toHaveLength(10)
  expect(lines.match(/within 5 s/g)).toHaveLength(7)
  expect(lines.match(/within 1 s/g)).toHaveLength(3)
})

test('a concurrent stop starts with the others and is awaited before earlier parts stop', async () => {
  await part('store')
  const { promise, resolve } = Promise.withResolvers<void>()
  const others = lifecycle.stopConcurrently(stack, 'keeper', () => {
    stopped.push('keeper')
    return promise
  })
  others.defer(() => void stopped.push('answers'))
  const done = stack.disposeAsync()
  await vi.advanceTimersByTimeAsync(20_000)
  expect(stopped).toEqual(['keeper', 'answers'])
  resolve()
  await done
  expect(stopped).toEqual(['keeper', 'answers', 'store'])
  expect(lines).toBe('')
})
