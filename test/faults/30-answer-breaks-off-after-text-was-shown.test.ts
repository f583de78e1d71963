import { expect, test } from 'vitest'
import { MINUTE, SECOND } from '../../src/support/clock.ts'
import { TransientError } from '../../src/support/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MemoryOutlet, MessageRig } from '../support/message-rig.ts'

test('an answer that breaks off is answered anew in the same platform message', async () => {
  const clock = new FakeClock()
  const outlet = new MemoryOutlet('chat', SECOND)
  await using rig = await MessageRig.start({ clock, outlets: [outlet] })
  let breakOff = () => {}
  rig.model.reply = (_request, { onText }) => {
    onText('the first half of ')
    return new Promise((_resolve, reject) => {
      breakOff = () => reject(new TransientError('the credential was replaced', 0, 'credential'))
    })
  }
  await rig.say('a', 'question')
  await rig.pass(3 * SECOND, SECOND)
  expect(outlet.texts('a')).toEqual(['the first half of '])
  rig.model.reply = async (_request, { onText }) => {
    onText('begun anew')
    await new Promise<void>((resolve) => clock.setTimer(resolve, 10 * SECOND))
    return 'the whole answer'
  }
  breakOff()
  await rig.pass(5 * SECOND, SECOND)
  expect(outlet.texts('a')).toEqual(['begun anew'])
  await rig.pass(MINUTE, SECOND)
  expect(outlet.texts('a')).toEqual(['the whole answer'])
  expect(rig.model.asked).toEqual(['question', 'question'])
})

test('the same after the process was killed in the middle of the answer', async () => {
  const clock = new FakeClock()
  const outlet = new MemoryOutlet('chat', SECOND)
  const rig = await MessageRig.start({ clock, outlets: [outlet] })
  rig.model.reply = (_request, { onText }) => {
    onText('the first half of ')
    return new Promise(() => {})
  }
  await rig.say('a', 'question')
  await rig.pass(3 * SECOND, SECOND)
  await rig.crash()
  await using next = await MessageRig.start({ clock, outlets: [outlet], path: rig.path })
  await next.rest()
  expect(outlet.texts('a')).toEqual(['answer to question'])
})

test('a draft that the reader has deleted does not take the answer with it', async () => {
  const clock = new FakeClock()
  const { Undeliverable } = await import('../../src/inbox/delivery/outlet.ts')
  const outlet = new MemoryOutlet('chat', SECOND)
  await using rig = await MessageRig.start({ clock, outlets: [outlet] })
  let finish = () => {}
  rig.model.reply = (_request, { onText }) => {
    onText('the first half of ')
    return new Promise((resolve) => (finish = () => resolve('the answer')))
  }
  await rig.say('a', 'question')
  await rig.pass(3 * SECOND, SECOND)
  outlet.shown.clear()
  outlet.onEdit = () => {
    throw new Undeliverable('message to edit not found')
  }
  finish()
  await rig.rest()
  expect(outlet.texts('a')).toEqual(['the answer'])
})
