import { expect, test } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { MemoryOutlet, MessageRig, lastText } from '../../test/support/message-rig.ts'
import type { Attachment } from '../inbox/message.ts'
import { HOUR, MINUTE } from '../support/clock.ts'
import { ConfigurationError, Refused, TransientError } from '../support/errors.ts'

const picture = (name: string): Attachment => ({
  mediaType: 'image/png',
  name,
  bytes: new Uint8Array([1, 2, 3]),
})

const send = (rig: MessageRig, text: string, ...attachments: Array<() => Promise<Attachment>>) =>
  rig.messaging.receiver.receive('chat', [rig.message(text, { attachments })], [])

test('the text reaches the model to the letter, as the last words of the person', async () => {
  await using rig = await MessageRig.start()
  const text = '  /not/a command\n\n<b>&amp;</b> {held} 🦜  '
  await send(rig, 'before')
  await rig.rest()
  await send(rig, text)
  await rig.rest()
  expect(rig.model.requests.at(-1)!.messages.at(-1)).toEqual({ role: 'user', text, attachments: [] })
})

test('a picture goes with its message, and again with the next few', async () => {
  await using rig = await MessageRig.start()
  await send(rig, 'what is this?', async () => picture('cat.png'))
  await rig.rest()
  await send(rig, 'and its colour?')
  await rig.rest()
  const [first, second] = rig.model.requests
  expect(first!.messages[0]!.attachments).toMatchObject([{ name: 'cat.png', mediaType: 'image/png' }])
  expect(second!.messages[0]!.attachments).toHaveLength(1)
  for (let count = 0; count < 5; count++) {
    await send(rig, `later ${count}`)
    await rig.rest()
  }
  const last = rig.model.requests.at(-1)!.messages[0]!
  expect(last.attachments).toEqual([])
  expect(last.text).toContain('cat.png')
})

test('an attachment that cannot be taken is answered with a sentence, without the model', async () => {
  await using rig = await MessageRig.start()
  await send(rig, 'a', async () => ({ ...picture('x.exe'), mediaType: 'application/x-msdownload' }))
  await send(rig, 'b', async () => {
    throw new Refused('That file is larger than I can read.')
  })
  await send(rig, 'c', async () => {
    throw new TypeError('broken')
  })
  await rig.rest()
  expect(rig.outlet.texts('a')).toEqual([
    expect.stringContaining("can't read that attachment"),
    'That file is larger than I can read.',
    "I couldn't load that attachment. Please send it again.",
  ])
  expect(rig.model.requests).toEqual([])
})

test('an old picture that is not taken any more does not cost the next message its answer', async () => {
  await using rig = await MessageRig.start()
  await send(rig, 'look', async () => picture('cat.png'))
  await rig.rest()
  rig.model.reply = (request) => {
    if (request.messages.some(({ attachments }) => attachments.length > 0)) throw new Refused('No.')
    return 'fine'
  }
  await send(rig, 'next')
  await rig.rest()
  expect(rig.outlet.texts('a').at(-1)).toBe('fine')
})

test('a refused message leaves the history', async () => {
  await using rig = await MessageRig.start()
  rig.model.reply = (request) => {
    if (lastText(request) === 'bad') throw new Refused('I could not process this message.')
    return 'ok'
  }
  await send(rig, 'bad')
  await rig.rest()
  await send(rig, 'good')
  await rig.rest()
  expect(rig.outlet.texts('a')).toEqual(['I could not process this message.', 'ok'])
  expect(rig.model.requests.at(-1)!.messages.map(({ text }) => text)).toEqual(['good'])
})

test('when messages given as one are refused, each is asked on its own', async () => {
  const clock = new FakeClock()
  await using rig = await MessageRig.start({ clock })
  rig.gate.usageLimited(clock.now() + HOUR)
  await rig.say('a', 'good', 'bad', 'fine')
  rig.model.reply = (request) => {
    if (lastText(request).includes('bad')) throw new Refused('I could not process this message.')
    return `re ${lastText(request)}`
  }
  await rig.pass(HOUR + MINUTE, 10 * MINUTE)
  await rig.rest()
  expect(rig.model.asked).toEqual(['good\n\nbad\n\nfine', 'good', 'bad', 'fine'])
  expect(rig.outlet.texts('a').slice(1)).toEqual([
    expect.stringMatching(/re good$/),
    'I could not process this message.',
    expect.stringMatching(/re fine$/),
  ])
})

test('an answer cut at its limit says so; an empty one or a refusal is a plain sentence', async () => {
  await using rig = await MessageRig.start()
  rig.model.stopReason = 'max_tokens'
  await send(rig, 'one')
  await rig.rest()
  rig.model.stopReason = 'refusal'
  await send(rig, 'two')
  await rig.rest()
  rig.model.stopReason = 'end_turn'
  rig.model.reply = () => ' '
  await send(rig, 'three')
  await rig.rest()
  const sentence = "I can't answer this message. Please put it differently."
  expect(rig.outlet.texts('a')).toEqual([
    'answer to one\n\n(This answer reached its length limit. Ask me to go on, and I will.)',
    sentence,
    sentence,
  ])
})

test('a conversation beyond the model’s context goes on with a summary of what was dropped', async () => {
  await using rig = await MessageRig.start()
  rig.model.context = 9_000
  const filler = 'words '.repeat(400)
  rig.model.reply = (request) =>
    request.system?.startsWith('You keep the memory') ? 'They talked about words.' : `re ${filler}`
  for (let index = 0; index < 8; index++) {
    await send(rig, `${index} ${filler}`)
    await rig.rest()
  }
  const summaries = rig.model.requests.filter(({ system }) => system?.startsWith('You keep'))
  expect(summaries.length).toBeGreaterThan(0)
  expect(summaries.length).toBeLessThan(6)
  expect(lastText(summaries[0]!)).toContain('Person: 0 words')
  const last = rig.model.requests.at(-1)!
  expect(last.system).toContain('They talked about words.')
  expect(last.messages[0]!.role).toBe('user')
  expect(JSON.stringify(last).length / 3).toBeLessThan(9_000)
  expect(rig.outlet.texts('a')).toHaveLength(8)
})

test('where the summary cannot be made, the conversation goes on without', async () => {
  await using rig = await MessageRig.start()
  rig.model.context = 7_000
  rig.model.gate = null
  const filler = 'words '.repeat(600)
  rig.model.reply = (request) => {
    if (request.system?.startsWith('You keep the memory')) throw new TransientError('reset')
    return `re ${filler}`
  }
  for (let index = 0; index < 4; index++) {
    await send(rig, `${index} ${filler}`)
    await rig.rest()
  }
  expect(rig.model.requests.at(-1)!.system).toContain('Earlier messages of this conversation were left out')
  expect(rig.outlet.texts('a')).toHaveLength(4)
})

test('a chosen model that the provider does not know is refused in its chat, and holds up nobody for long', async () => {
  const clock = new FakeClock()
  await using rig = await MessageRig.start({ clock })
  rig.model.reply = (request) => {
    if (request.model === 'claude-other') throw new ConfigurationError('model not found')
    return 'fine'
  }
  await rig.say('a', '/model claude-other', 'one')
  await rig.rest()
  expect(rig.outlet.texts('a').at(-1)).toBe("I can't use that model here. To choose: claude-test")
  await rig.say('b', 'two')
  await rig.pass(2 * MINUTE, 10_000)
  expect(rig.outlet.texts('b').at(-1)).toContain('fine')
})

test('the model chosen in a chat is asked there and nowhere else', async () => {
  await using rig = await MessageRig.start({ outlets: [new MemoryOutlet()] })
  await rig.say('a', '/model claude-other', 'one')
  await rig.say('b', 'two')
  await rig.rest()
  const models = new Map(rig.model.requests.map((request) => [lastText(request), request.model]))
  expect(models).toEqual(
    new Map([
      ['one', 'claude-other'],
      ['two', 'claude-test'],
    ]),
  )
})
