import { expect, test } from 'vitest'
import { Emitter } from './emitter.ts'

test('a listener that throws harms neither the others nor the emitter', () => {
  const problems: unknown[] = []
  const heard: string[] = []
  const emitter = new Emitter<string>((error) => problems.push(error))
  const broken = new Error('broken')
  emitter.subscribe((event) => heard.push(`first ${event}`))
  emitter.subscribe(() => {
    throw broken
  })
  emitter.subscribe((event) => heard.push(`last ${event}`))
  emitter.emit('news')
  expect(heard).toEqual(['first news', 'last news'])
  expect(problems).toEqual([broken])
})

test('nobody is told after the end of a subscription, not even of the news that ended it', () => {
  const heard: string[] = []
  const emitter = new Emitter<string>((error) => {
    throw error
  })
  const first = emitter.subscribe((event) => {
    heard.push(event)
    first[Symbol.dispose]()
    last[Symbol.dispose]()
  })
  const last = emitter.subscribe((event) => heard.push(`last ${event}`))
  emitter.emit('one')
  emitter.emit('two')
  expect(heard).toEqual(['one'])
  expect(emitter.size).toBe(0)
})
