import { expect, test } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { MemoryChannel, MessageFixture, lastText } from '../../test/support/message-fixture.ts'
import type { Attachment } from '../inbox/message.ts'
import { HOUR, MINUTE } from '../support/clock.ts'
import { ConfigurationError, Refused, TransientError } from '../support/errors.ts'
import { ModelSettings } from './model-settings.ts'
import { ModelRefusal } from './model.ts'

const picture = (name: string, bytes = 3): Attachment => ({
  mediaType: 'image/png',
  name,
  bytes: new Uint8Array(bytes).fill(1),
})

const send = (fixture: MessageFixture, text: string, ...attachments: Array<() => Promise<Attachment>>) =>
  fixture.messaging.receiver.receive('chat', [fixture.message(text, { attachments })], [])

test('the text reaches the model to the letter, as the last words of the person', async () => {
  await using fixture = await MessageFixture.start()
  const text = '  /not/a command\n\n<b>&amp;</b> {held} 🦜  '
  await send(fixture, 'before')
  await fixture.rest()
  await send(fixture, text)
  await fixture.rest()
  expect(fixture.model.requests.at(-1)!.messages.at(-1)).toEqual({ role: 'user', text, attachments: [] })
})

test('a picture goes with its message, and again with the later ones', async () => {
  await using fixture = await MessageFixture.start()
  await send(fixture, 'what is this?', async () => picture('cat.png'))
  await fixture.rest()
  for (let count = 0; count < 8; count++) {
    await send(fixture, `later ${count}`)
    await fixture.rest()
  }
  const first = fixture.model.requests.map(({ messages }) => messages[0]!)
  expect(first).toHaveLength(9)
  for (const message of first) expect(message).toEqual(first[0])
  expect(first[0]!.attachments).toHaveLength(1)
})

test('a heavy picture goes with its message, and again with the next few', async () => {
  await using fixture = await MessageFixture.start()
  await send(fixture, 'what is this?', async () => picture('cat.png', 3_000_000))
  await fixture.rest()
  await send(fixture, 'and its colour?')
  await fixture.rest()
  const [first, second] = fixture.model.requests
  expect(first!.messages[0]!.attachments).toMatchObject([{ name: 'cat.png', mediaType: 'image/png' }])
  expect(second!.messages[0]!.attachments).toHaveLength(1)
  for (let count = 0; count < 5; count++) {
    await send(fixture, `later ${count}`)
    await fixture.rest()
  }
  const last = fixture.model.requests.at(-1)!.messages[0]!
  expect(last.attachments).toEqual([])
  expect(last.text).toContain('cat.png')
})

test('an attachment that cannot be taken is answered with a sentence, without the model', async () => {
  await using fixture = await MessageFixture.start()
  await send(fixture, 'a', async () => ({ ...picture('x.exe'), mediaType: 'application/x-msdownload' }))
  await send(fixture, 'b', async () => {
    throw new Refused('That file is larger than I can read.')
  })
  await send(fixture, 'c', async () => {
    throw new TypeError('broken')
  })
  await fixture.rest()
  expect(fixture.sendChannel.texts('a')).toEqual([
    expect.stringContaining("can't read that attachment"),
    'That file is larger than I can read.',
    "I couldn't load that attachment. Please send it again.",
  ])
  expect(fixture.model.requests).toEqual([])
})

test('an old picture that is not taken any more does not cost the next message its answer', async () => {
  await using fixture = await MessageFixture.start()
  await send(fixture, 'look', async () => picture('cat.png'))
  await fixture.rest()
  fixture.model.reply = (request) => {
    if (request.messages.some(({ attachments }) => attachments.length > 0))
      throw new ModelRefusal('not-accepted')
    return 'fine'
  }
  await send(fixture, 'next')
  await fixture.rest()
  expect(fixture.sendChannel.texts('a').at(-1)).toBe('fine')
})

test('the words of an old picture that were blank are not sent without it', async () => {
  await using fixture = await MessageFixture.start()
  await send(fixture, ' \n', async () => picture('cat.png'))
  await fixture.rest()
  fixture.model.reply = (request) => {
    if (request.messages.some(({ attachments }) => attachments.length > 0))
      throw new ModelRefusal('not-accepted')
    return request.messages.map(({ text }) => text).join('|')
  }
  await send(fixture, 'next')
  await fixture.rest()
  expect(fixture.sendChannel.texts('a').at(-1)).toMatch(
    /^\[attachment that is not shown: cat\.png\]\|.*\|next$/s,
  )
})

test('a refused message leaves the history, and its sender reads what can be done', async () => {
  await using fixture = await MessageFixture.start()
  fixture.model.reply = (request) => {
    if (lastText(request) === 'bad') throw new ModelRefusal('not-accepted')
    if (lastText(request) === 'long') throw new ModelRefusal('too-large')
    return 'ok'
  }
  await send(fixture, 'bad')
  await fixture.rest()
  await send(fixture, 'long')
  await fixture.rest()
  await send(fixture, 'good')
  await fixture.rest()
  expect(fixture.sendChannel.texts('a')).toEqual([
    "I can't answer this message. Please try rephrasing it.",
    'This message is too large for me. Please send it in smaller parts.',
    'ok',
  ])
  expect(fixture.model.requests.at(-1)!.messages.map(({ text }) => text)).toEqual(['good'])
})

test('when messages given as one are refused, each is asked on its own', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock })
  fixture.gate.usageLimited(clock.now() + HOUR)
  await fixture.say('a', 'good', 'bad', 'fine')
  fixture.model.reply = (request) => {
    if (lastText(request).includes('bad')) throw new ModelRefusal('not-accepted')
    return `re ${lastText(request)}`
  }
  await fixture.pass(HOUR + MINUTE, 10 * MINUTE)
  await fixture.rest()
  expect(fixture.model.asked).toEqual(['good\n\nbad\n\nfine', 'good', 'bad', 'fine'])
  expect(fixture.sendChannel.texts('a').slice(1)).toEqual([
    expect.stringMatching(/re good$/),
    "I can't answer this message. Please try rephrasing it.",
    expect.stringMatching(/re fine$/),
  ])
})

test('an answer whose whole length went into what nobody sees is told as that', async () => {
  await using fixture = await MessageFixture.start()
  fixture.model.stopReason = 'max_tokens'
  fixture.model.reply = () => ''
  await send(fixture, 'think hard')
  await fixture.rest()
  expect(fixture.sendChannel.texts('a')).toEqual([
    'The answer grew too long before it began. Please ask for something shorter.',
  ])
})

test('an answer cut at its limit says so; an empty one or a refusal is a plain sentence', async () => {
  await using fixture = await MessageFixture.start()
  fixture.model.stopReason = 'max_tokens'
  await send(fixture, 'one')
  await fixture.rest()
  fixture.model.stopReason = 'refusal'
  await send(fixture, 'two')
  await fixture.rest()
  fixture.model.stopReason = 'end_turn'
  fixture.model.reply = () => ' '
  await send(fixture, 'three')
  await fixture.rest()
  const sentence = "I can't answer this message. Please try rephrasing it."
  expect(fixture.sendChannel.texts('a')).toEqual([
    'answer to one\n\n(This answer reached its length limit. Send "continue" for the rest.)',
    sentence,
    sentence,
  ])
})

test.each([
  ['~~~sh\nls', '~~~sh\nls\n~~~'],
  ['Look:\n````\n```\nx', 'Look:\n````\n```\nx\n````'],
  ['```\nwhole\n```\nand', '```\nwhole\n```\nand'],
])('an answer cut as %j says so outside of its code', async (reply, shown) => {
  await using fixture = await MessageFixture.start()
  fixture.model.stopReason = 'max_tokens'
  fixture.model.reply = () => reply
  await send(fixture, 'one')
  await fixture.rest()
  expect(fixture.sendChannel.texts('a')).toEqual([
    `${shown}\n\n(This answer reached its length limit. Send "continue" for the rest.)`,
  ])
})

test('a conversation beyond the model’s context continues with a summary of what was dropped', async () => {
  await using fixture = await MessageFixture.start()
  fixture.model.context = 9_000
  const filler = 'words '.repeat(400)
  fixture.model.reply = (request) =>
    request.system?.startsWith('You keep the memory') ? 'They talked about words.' : `re ${filler}`
  for (let index = 0; index < 8; index++) {
    await send(fixture, `${index} ${filler}`)
    await fixture.rest()
  }
  const summaries = fixture.model.requests.filter(({ system }) => system?.startsWith('You keep'))
  expect(summaries.length).toBeGreaterThan(0)
  expect(summaries.length).toBeLessThan(6)
  expect(lastText(summaries[0]!)).toContain('Person: 0 words')
  const last = fixture.model.requests.at(-1)!
  expect(last.messages[0]!.before).toEqual([expect.stringContaining('They talked about words.')])
  expect(last.messages[0]!.role).toBe('user')
  expect(JSON.stringify(last).length / 3).toBeLessThan(9_000)
  expect(fixture.sendChannel.texts('a')).toHaveLength(8)
})

test('where the summary cannot be made, the conversation continues without', async () => {
  await using fixture = await MessageFixture.start()
  fixture.model.context = 7_000
  fixture.model.gate = null
  const filler = 'words '.repeat(600)
  fixture.model.reply = (request) => {
    if (request.system?.startsWith('You keep the memory')) throw new TransientError('reset')
    return `re ${filler}`
  }
  for (let index = 0; index < 4; index++) {
    await send(fixture, `${index} ${filler}`)
    await fixture.rest()
  }
  expect(fixture.model.requests.at(-1)!.messages[0]!.before).toEqual([
    '(Earlier messages of this conversation were left out.)',
  ])
  expect(fixture.sendChannel.texts('a')).toHaveLength(4)
})

test('a chosen model that the provider does not know is refused in its chat, and holds up nobody for long', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock })
  fixture.model.reply = (request) => {
    if (request.model === 'claude-other') throw new ConfigurationError('model not found')
    return 'fine'
  }
  await fixture.say('a', '/model claude-other', 'one')
  await fixture.rest()
  expect(fixture.sendChannel.texts('a').at(-1)).toBe("I can't use that model here. Available: claude-test")
  await fixture.say('b', 'two')
  await fixture.pass(2 * MINUTE, 10_000)
  expect(fixture.sendChannel.texts('b').at(-1)).toContain('fine')
})

test('the model chosen in a chat is asked there and nowhere else', async () => {
  await using fixture = await MessageFixture.start({ sendChannels: [new MemoryChannel()] })
  await fixture.say('a', '/model claude-other', 'one')
  await fixture.say('b', 'two')
  await fixture.rest()
  const models = new Map(fixture.model.requests.map((request) => [lastText(request), request.model]))
  expect(models).toEqual(
    new Map([
      ['one', 'claude-other'],
      ['two', 'claude-test'],
    ]),
  )
})

test('a turn is sent within the limits of its model, with the effort of its chat', async () => {
  await using fixture = await MessageFixture.start()
  await fixture.say('a', '/effort low', 'one')
  await fixture.say('b', 'two')
  await fixture.rest()
  const efforts = new Map(fixture.model.requests.map((request) => [lastText(request), request.effort]))
  expect(efforts).toEqual(
    new Map([
      ['one', 'low'],
      ['two', null],
    ]),
  )
  expect(fixture.model.requests[0]!.maxTokens).toBe(4_096)
})

test('an answer that fills the context is begun again with less of the conversation, and its text replaced', async () => {
  const sendChannel = new MemoryChannel('chat', 1)
  await using fixture = await MessageFixture.start({ sendChannels: [sendChannel] })
  await fixture.say('a', `first ${'words '.repeat(400)}`)
  await fixture.rest()
  const full = fixture.model.requests.length
  fixture.model.context = 20_000
  fixture.model.reply = (request) => {
    const isAnswer = lastText(request) === 'second'
    fixture.model.stopReason =
      isAnswer && fixture.model.asked.filter((text) => text === 'second').length === 1
        ? 'context_full'
        : 'end_turn'
    return fixture.model.stopReason === 'context_full' ? 'half an ans' : 'a whole answer'
  }
  await fixture.say('a', 'second')
  await fixture.rest()
  const asked = fixture.model.requests.slice(full).filter((request) => lastText(request) === 'second')
  expect(asked).toHaveLength(2)
  expect(sendChannel.texts('a').at(-1)).toBe('a whole answer')
  const usage = await fixture.storage.conversations.usage('chat:a')
  // Both are paid for.
  expect(usage.last!.outputTokens).toBe(10)
})

test('an answer that fills the context without any history is cut there, and asked for once', async () => {
  await using fixture = await MessageFixture.start()
  fixture.model.stopReason = 'context_full'
  await fixture.say('a', 'one')
  await fixture.rest()
  expect(fixture.model.requests).toHaveLength(1)
  expect(fixture.sendChannel.texts('a')).toEqual([
    'answer to one\n\n(This answer reached its length limit. Send "continue" for the rest.)',
  ])
})

test('an answer that the provider interrupts says so, and an empty one is a plain sentence', async () => {
  await using fixture = await MessageFixture.start()
  fixture.model.stopReason = 'paused'
  await fixture.say('a', 'one')
  await fixture.rest()
  fixture.model.reply = () => ''
  await fixture.say('a', 'two')
  await fixture.rest()
  expect(fixture.sendChannel.texts('a')).toEqual([
    'answer to one\n\n(This answer was interrupted. Send "continue" for the rest.)',
    "I can't answer this message. Please try rephrasing it.",
  ])
})

test('a refused message and what was written of its answer leave the conversation', async () => {
  await using fixture = await MessageFixture.start()
  fixture.model.stopReason = 'refusal'
  fixture.model.reply = () => 'First you take'
  await fixture.say('a', 'how to harm')
  await fixture.rest()
  fixture.model.stopReason = 'end_turn'
  await fixture.say('a', 'good morning')
  await fixture.rest()
  expect(fixture.sendChannel.texts('a')[0]).toBe("I can't answer this message. Please try rephrasing it.")
  expect(fixture.model.requests.at(-1)!.messages).toEqual([
    { role: 'user', text: 'good morning', attachments: [] },
  ])
})

test('what a refusal leaves of a summary is not kept', async () => {
  await using fixture = await MessageFixture.start()
  fixture.model.context = 9_000
  const filler = 'words '.repeat(600)
  fixture.model.reply = (request) => {
    const isSummary = request.system?.startsWith('You keep the memory') ?? false
    fixture.model.stopReason = isSummary ? 'refusal' : 'end_turn'
    return isSummary ? 'I must not say' : `re ${filler}`
  }
  for (let index = 0; index < 5; index++) {
    await fixture.say('a', `${index} ${filler}`)
    await fixture.rest()
  }
  expect(fixture.model.requests.some(({ system }) => system?.startsWith('You keep the memory'))).toBe(true)
  expect(JSON.stringify(fixture.model.requests.at(-1))).not.toContain('I must not say')
})

test('an unknown model of an override is refused where it is set, and keeps nobody else waiting', async () => {
  const settings = new ModelSettings({
    config: { default: 'claude-test', maxTokens: 4_096, contextLength: 200_000, effort: 'auto' },
    overrides: { 'chat:a': { model: 'claude-gone', effort: null, systemPrompt: null, budgetDay: null } },
    models: { current: () => ({ source: 'built-in', fetchedAt: null, models: [] }), find: () => null },
    warn() {},
  })
  await using fixture = await MessageFixture.start({ messaging: { settings } })
  fixture.model.gate = null
  fixture.model.reply = (request) => {
    if (request.model === 'claude-gone') throw new ConfigurationError('model not found')
    return 'fine'
  }
  await fixture.say('a', 'one')
  await fixture.say('b', 'two')
  await fixture.rest()
  expect(fixture.sendChannel.texts('a')).toEqual(["I can't use that model here. Available: claude-test"])
  expect(fixture.sendChannel.texts('b')).toEqual(['fine'])
})
