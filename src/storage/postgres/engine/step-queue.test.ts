import { expect, test } from 'vitest'
import { StepQueue, type Keyed } from './step-queue.ts'

interface Named extends Keyed {
  readonly name: string
}

function step(name: string, keys: string, alone = false): Named {
  return { name, keys: keys.split(''), alone }
}

function queueOf(...steps: readonly Named[]): StepQueue<Named> {
  const queue = new StepQueue<Named>()
  for (const each of steps) queue.add(each)
  return queue
}

const namesOf = (steps: readonly Named[]) => steps.map(({ name }) => name)

test('steps about different things run together, about the same thing one after the other', () => {
  const [first, second, third] = [step('1', 'a'), step('2', 'ab'), step('3', 'c')]
  const queue = queueOf(first, second, third, step('4', 'b'))
  // The fourth may not overtake the second, which has to wait for the first.
  expect(namesOf(queue.next(10, () => true))).toEqual(['1', '3'])
  expect(namesOf(queue.next(10, () => true))).toEqual([])
  queue.end(first)
  expect(namesOf(queue.next(10, () => true))).toEqual(['2'])
  queue.end(second)
  expect(namesOf(queue.next(10, () => true))).toEqual(['4'])
  expect(queue.size).toBe(0)
})

test('one that is put back comes before what was asked for later, which waits with it', () => {
  const first = step('1', 'a')
  const queue = queueOf(first, step('2', 'a'), step('3', 'b'))
  expect(namesOf(queue.next(1, () => true))).toEqual(['1'])
  queue.addBack(first)
  expect(namesOf(queue.next(10, ({ name }) => name !== '1'))).toEqual(['3'])
  expect(namesOf(queue.next(10, () => true))).toEqual(['1'])
})

test('no more than fit, and one that stands alone with nobody', () => {
  const queue = queueOf(step('1', 'a'), step('2', 'b', true), step('3', 'b'), step('4', 'c'), step('5', 'd'))
  expect(namesOf(queue.next(2, () => true))).toEqual(['1', '4'])
  expect(namesOf(queue.next(2, () => true))).toEqual(['2'])
  expect(namesOf(queue.next(2, () => true))).toEqual(['5'])
})
