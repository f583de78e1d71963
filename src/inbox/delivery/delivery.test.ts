import { expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { MemoryChannel, MessageFixture, until } from '../../../test/support/message-fixture.ts'
import { plainAnswer } from '../../../test/support/provider/plain-answer.ts'
import { pause } from '../../../test/support/until.ts'
import { MINUTE, SECOND } from '../../support/clock.ts'
import { StoreError, TransientError } from '../../support/errors.ts'
import type { MessageFact } from '../figures/observer.ts'
import { Moved } from './send-channel.ts'

test('a chat that has moved gets its answer at the new address, and keeps its conversation', async () => {
  const sendChannel = new MemoryChannel()
  await using fixture = await MessageFixture.start({ sendChannels: [sendChannel] })
  await fixture.say('old', 'one')
  await fixture.rest()
  sendChannel.onSend = (address) => {
    if (address === 'old') throw new Moved('new')
  }
  await fixture.say('old', 'two')
  await fixture.rest()
  await fixture.say('new', 'three')
  await fixture.rest()
  expect(sendChannel.texts('new')).toEqual(['answer to two', 'answer to three'])
  expect(fixture.model.requests.at(-1)!.messages).toHaveLength(5)
})

test('a receipt that cannot be stored is tried again, and nothing is sent twice', async () => {
  const clock = new FakeClock()
  let refuse = 3
  await using fixture = await MessageFixture.start({
    clock,
    wrapStorage: (storage) => ({
      ...storage,
      outbox: {
        ...storage.outbox,
        receipt: async (...args) => {
          if (refuse-- > 0) throw new StoreError('full')
          return storage.outbox.receipt(...args)
        },
      },
    }),
  })
  await fixture.say('a', 'one')
  await fixture.pass(20 * SECOND, SECOND)
  expect(refuse).toBeLessThan(0)
  expect(fixture.sendChannel.texts('a')).toEqual(['answer to one'])
  expect(await fixture.storage.outbox.pending()).toEqual([])
})

test('one slow chat does not hold up the others, and a channel is not flooded', async () => {
  const sendChannel = new MemoryChannel()
  let inHand = 0
  let most = 0
  sendChannel.onSend = async (address) => {
    if (address === 'c0') return new Promise(() => {})
    most = Math.max(most, ++inHand)
    // Sending takes a while, so that several are in flight at once.
    await pause(2)
    inHand--
  }
  const fixture = await MessageFixture.start({ sendChannels: [sendChannel] })
  await Promise.all(Array.from({ length: 60 }, (_, index) => fixture.say(`c${index}`, 'x')))
  await until(() => sendChannel.shown.size === 59)
  expect(most).toBeLessThanOrEqual(16)
  await fixture.crash()
})

test('figures: accept to the last byte, and the same less the model’s time', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock })
  const facts: MessageFact[] = []
  using _ = fixture.messaging.observer.subscribe((fact) => {
    if (fact.kind !== 'spent') facts.push(fact)
  })
  fixture.model.answer = async (request) => {
    await clock.advance(3 * SECOND)
    return plainAnswer('ok', request.model, { modelMs: 2 * SECOND })
  }
  await fixture.say('a', 'one')
  await until(() => facts.length >= 4)
  expect(facts).toEqual([
    { kind: 'accepted', channel: 'chat' },
    { kind: 'epoch', reason: 'new' },
    { kind: 'answered', channel: 'chat', messages: 1, seconds: null, overheadSeconds: null },
    { kind: 'delivered', channel: 'chat', seconds: 3, overheadSeconds: 1 },
  ])
})

test('a draft is edited no faster than the platform allows, and a rate limit on it is obeyed', async () => {
  const clock = new FakeClock()
  const sendChannel = new MemoryChannel('chat', 2 * SECOND)
  await using fixture = await MessageFixture.start({ clock, sendChannels: [sendChannel] })
  const times: number[] = []
  let limitOnce = true
  sendChannel.onEdit = (_id, _part, final) => {
    times.push(clock.now())
    if (!final && limitOnce) {
      limitOnce = false
      throw new TransientError('slow down', 15 * SECOND, 'rate-limited')
    }
  }
  fixture.model.reply = async (_request, { onText }) => {
    for (let piece = 0; piece < 60; piece++) {
      onText(`piece ${piece} `)
      await new Promise<void>((resolve) => clock.setTimer(resolve, 500))
    }
    return 'the end'
  }
  await fixture.say('a', 'question')
  await fixture.pass(MINUTE, 500)
  const gaps = times.slice(1, -1).map((time, index) => time - times[index]!)
  expect(gaps[0]).toBeGreaterThanOrEqual(15 * SECOND)
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(2 * SECOND)
  expect(sendChannel.texts('a')).toEqual(['the end'])
  expect(sendChannel.edits.filter(({ final }) => final)).toHaveLength(1)
})

test('a platform that hangs on a draft keeps neither the answer from being stored nor from being sent', async () => {
  const clock = new FakeClock()
  const sendChannel = new MemoryChannel('chat', SECOND)
  await using fixture = await MessageFixture.start({ clock, sendChannels: [sendChannel] })
  sendChannel.onSend = (_address, part) => (part === 'half ' ? new Promise(() => {}) : undefined)
  fixture.model.reply = async (_request, { onText }) => {
    onText('half ')
    await new Promise<void>((resolve) => clock.setTimer(resolve, 3 * SECOND))
    return 'of it'
  }
  await fixture.say('a', 'question')
  await fixture.pass(20 * SECOND, SECOND)
  expect(sendChannel.texts('a')).toEqual(['of it'])
})

test('a quick answer is sent once, without a draft that would be replaced at once', async () => {
  const sendChannel = new MemoryChannel('chat', SECOND)
  await using fixture = await MessageFixture.start({ sendChannels: [sendChannel] })
  await fixture.say('a', 'one')
  await fixture.rest()
  expect(sendChannel.edits).toEqual([])
  expect(sendChannel.texts('a')).toEqual(['answer to one'])
})

test('what we say ourselves is put in the words of the platform, and what the model writes is not', async () => {
  const ownWords = (text: string, address: string) => text.replaceAll('/', `${address}!`)
  const sendChannel = Object.assign(new MemoryChannel(), { ownWords })
  await using fixture = await MessageFixture.start({ sendChannels: [sendChannel] })
  await fixture.say('a', '/start')
  await fixture.rest()
  await fixture.say('a', 'what is /help?')
  await fixture.rest()
  expect(sendChannel.texts('a')).toEqual([
    'Hello! Send me a message to get started. a!help lists the commands.',
    'answer to what is /help?',
  ])
})
