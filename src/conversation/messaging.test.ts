import { expect, test } from 'vitest'
import { MemoryChannel, MessageFixture, until, UNMERGED } from '../../test/support/message-fixture.ts'
import { pause } from '../../test/support/until.ts'

test('a message is answered, and the next one knows what was said before', async () => {
  await using fixture = await MessageFixture.start()
  await fixture.say('a', 'one')
  await until(() => fixture.sendChannel.texts('a').length === 1)
  await fixture.say('a', 'two')
  await until(() => fixture.sendChannel.texts('a').length === 2)
  expect(fixture.sendChannel.texts('a')).toEqual(['answer to one', 'answer to two'])
  expect(fixture.model.requests[1]!.messages.map(({ role, text }) => [role, text])).toEqual([
    ['user', 'one'],
    ['assistant', 'answer to one'],
    ['user', 'two'],
  ])
})

test('within a conversation one answer after the other, conversations side by side', async () => {
  await using fixture = await MessageFixture.start({ messaging: UNMERGED })
  let inHand = 0
  let most = 0
  const threeInHand = Promise.withResolvers<void>()
  fixture.model.reply = async (request) => {
    most = Math.max(most, ++inHand)
    if (inHand === 3) threeInHand.resolve()
    // Nobody is answered before all three are asked; then long enough for a fourth to show itself.
    await threeInHand.promise
    await pause(20)
    inHand--
    return `re ${request.messages.at(-1)!.text}`
  }
  await Promise.all(['a', 'b', 'c'].map((address) => fixture.say(address, '1', '2', '3')))
  await until(() => fixture.sendChannel.shown.size === 9)
  for (const address of ['a', 'b', 'c'])
    expect(fixture.sendChannel.texts(address)).toEqual(['re 1', 're 2', 're 3'])
  expect(most).toBe(3)
})

test('a long answer is shown while it is written, in one message that becomes the answer', async () => {
  const sendChannel = new MemoryChannel('chat', 20)
  await using fixture = await MessageFixture.start({ sendChannels: [sendChannel] })
  fixture.model.reply = async (_request, { onText }) => {
    // It is written until the draft was changed once: how long the first sending takes is the machine's affair.
    await until(() => {
      onText('x'.repeat(100))
      return sendChannel.edits.length > 0
    })
    return 'end'
  }
  await fixture.say('a', 'long')
  await until(() => sendChannel.edits.some(({ final }) => final))
  expect(sendChannel.shown.size).toBe(1)
  expect(sendChannel.texts('a')).toEqual(['end'])
  expect(sendChannel.edits.filter(({ final }) => !final).length).toBeGreaterThan(0)
  expect(sendChannel.typed.length).toBeGreaterThan(0)
})

test('what follows /new is asked in the conversation that it begins, and answered under its own id', async () => {
  await using fixture = await MessageFixture.start()
  await fixture.say('a', 'one')
  await until(() => fixture.sendChannel.texts('a').length === 1)
  await fixture.say('a', '/new what is 2+2?')
  await until(() => fixture.sendChannel.texts('a').length === 3)
  expect(fixture.sendChannel.texts('a')).toEqual([
    'answer to one',
    expect.stringContaining('new conversation'),
    'answer to what is 2+2?',
  ])
  expect(fixture.model.requests[1]!.messages.map(({ text }) => text)).toEqual(['what is 2+2?'])
})

test('words behind a command that takes none are a question, and nothing else', async () => {
  await using fixture = await MessageFixture.start()
  await fixture.say('a', '/help me write a poem')
  await until(() => fixture.sendChannel.texts('a').length === 1)
  expect(fixture.sendChannel.texts('a')).toEqual(['answer to /help me write a poem'])
})

test.each([' \n', '\u0007', '\u0000\u0085'])(
  'a message of %j is asked nobody: it would be refused',
  async (text) => {
    await using fixture = await MessageFixture.start()
    await fixture.say('a', text, 'hello')
    await until(() => fixture.sendChannel.texts('a').length === 2)
    expect(fixture.sendChannel.texts('a').toSorted()).toEqual([
      "I can't read this kind of message yet. Please send text, a picture or a PDF.",
      'answer to hello',
    ])
    expect(fixture.model.asked).toEqual(['hello'])
  },
)
