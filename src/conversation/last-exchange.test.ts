import { expect, test } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { MessageFixture, until, type MessageFixtureOptions } from '../../test/support/message-fixture.ts'
import { HOUR, MINUTE } from '../support/clock.ts'

/** An answer that grows until it is stopped. */
const endless = (fixture: MessageFixture) => {
  fixture.model.reply = (_request, { signal, onText }) => {
    onText('I was just')
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
}

async function started(options: MessageFixtureOptions = {}) {
  const fixture = await MessageFixture.start(options)
  const epochs: string[] = []
  fixture.messaging.observer.subscribe((fact) => fact.kind === 'epoch' && epochs.push(fact.reason))
  const say = async (text: string) => {
    const [accepted] = await fixture.say('a', text)
    await fixture.rest()
    return accepted!
  }
  const lastRequest = () => fixture.model.requests.at(-1)!.messages.map(({ text }) => text)
  const shown = () => fixture.sendChannel.texts('a')
  return {
    fixture,
    epochs,
    say,
    lastRequest,
    shown,
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  }
}

test('/retry asks again what was asked last, without its answer and without a new epoch', async () => {
  await using story = await started()
  const { fixture, say } = story
  await say('one')
  await say('two')
  fixture.model.reply = () => 'better'
  await say('/retry')
  expect(story.lastRequest()).toEqual(['one', 'answer to one', 'two'])
  expect(story.shown()).toEqual(['answer to one', 'answer to two', 'better'])
  await say('three')
  expect(story.lastRequest()).toEqual(['one', 'answer to one', 'two', 'better', 'three'])
  expect(story.epochs).toEqual(['new'])
})

test('/retry while an answer is written stops it, keeps what was shown of it, and starts it again', async () => {
  await using story = await started()
  const { fixture, say } = story
  endless(fixture)
  await say('tell me everything')
  fixture.model.reply = () => 'everything'
  expect(await say('/retry')).toMatchObject({ state: 'received' })
  await until(() => story.shown().includes('everything'))
  expect(fixture.model.asked).toEqual(['tell me everything', 'tell me everything'])
  expect((await fixture.rows('a')).map(({ role, state, text }) => `${role} ${state}: ${text}`)).toEqual([
    'user withdrawn: tell me everything',
    'user answered: tell me everything',
    'assistant withdrawn: I was just',
    'assistant answered: everything',
  ])
})

test('/retry after /stop answers what was stopped', async () => {
  await using story = await started()
  const { fixture, say } = story
  endless(fixture)
  await say('one')
  await say('/stop')
  fixture.model.reply = () => 'done'
  await say('/retry')
  expect(story.lastRequest()).toEqual(['one'])
  expect(story.shown()).toEqual(['Stopped.', 'done'])
})

test('/retry and /continue wait through an outage like a message, and /undo does not wait', async () => {
  const clock = new FakeClock()
  await using story = await started({ clock })
  const { fixture, say } = story
  await say('one')
  fixture.model.stopReason = 'max_tokens'
  await say('two')
  fixture.model.stopReason = 'end_turn'
  fixture.gate.usageLimited(clock.now() + HOUR)
  expect(await say('/continue')).toMatchObject({ state: 'held' })
  expect(await say('/undo')).toMatchObject({ state: 'answered', withdrawn: 1 })
  expect(await say('/undo')).toMatchObject({ state: 'answered', withdrawn: 0 })
  expect(await say('/retry')).toMatchObject({ state: 'held' })
  expect(await say('/retry')).toMatchObject({ state: 'answered' })
  expect(
    story
      .shown()
      .slice(2)
      .map((text) => text.slice(0, 40)),
  ).toEqual([
    expect.stringContaining("I've reached my usage limit"),
    'Undone. I no longer see your message "/c',
    'Undone. I no longer see your message "tw',
    expect.stringContaining('Your last message is still waiting'),
  ])
  await fixture.pass(HOUR + MINUTE)
  expect(fixture.model.asked).toEqual(['one', 'two', 'one'])
  expect(story.lastRequest()).toEqual(['one'])
})

test.each([
  ['max_tokens', true],
  ['paused', true],
  ['end_turn', false],
] as const)('/continue asks for the rest of an answer that ended by %s: %j', async (stopReason, isAsked) => {
  await using story = await started()
  const { fixture, say } = story
  fixture.model.stopReason = stopReason
  await say('one')
  fixture.model.stopReason = 'end_turn'
  await say('/continue')
  expect(fixture.model.asked).toEqual(isAsked ? ['one', '/continue'] : ['one'])
  expect(story.shown().at(-1)).toBe(
    isAsked ? 'answer to /continue' : 'There is nothing to continue: my last answer is complete.',
  )
})

test('/undo takes the running answer back, and what was said before is what the model knows', async () => {
  await using story = await started()
  const { fixture, say } = story
  await say('one')
  endless(fixture)
  await say('two')
  await say('/undo')
  fixture.model.reply = () => 'ok'
  await say('three')
  expect(story.lastRequest()).toEqual(['one', 'answer to one', 'three'])
  expect(story.shown()).toEqual(['answer to one', expect.stringContaining('"two"'), 'ok'])
  expect(story.epochs).toEqual(['new'])
})

test('a command or /new with words that is delivered twice takes effect once', async () => {
  await using story = await started()
  const { fixture, say } = story
  await say('one')
  await say('two')
  for (const text of ['/undo', '/new three', '/retry']) {
    const delivered = [fixture.message(text)]
    for (let time = 0; time < 2; time++) {
      await fixture.messaging.receiver.receive('chat', delivered, [])
      await fixture.rest()
    }
  }
  expect(story.shown().slice(2)).toEqual([
    expect.stringContaining('"two"'),
    'Started a new conversation.',
    'answer to three',
    'answer to three',
  ])
  expect(fixture.model.asked).toEqual(['one', 'two', 'three', 'three'])
})

test('an unknown command is answered with one line in a private chat, and is stored', async () => {
  await using story = await started()
  await story.say('/frobnicate the thing')
  expect(story.shown()).toEqual(["I don't know the command /frobnicate. /help lists all commands."])
  expect(story.fixture.model.requests).toEqual([])
  expect(await story.fixture.rows('a')).toMatchObject([
    { role: 'user', state: 'answered', text: '/frobnicate the thing' },
    { role: 'notice' },
  ])
})

test.each([
  { name: 'in a group', more: { chat: { id: 'a', kind: 'group', addressed: true } } },
  { name: 'forwarded', more: { forwarded: true } },
  { name: 'from a webhook', more: { vouched: true } },
  { name: 'a path', text: '/path/like/this' },
  { name: 'of the sandbox', text: '!frobnicate' },
] as const)('what looks like a command is asked where it is words: $name', async (row) => {
  await using story = await started()
  const text = 'text' in row ? row.text : '/frobnicate'
  const more = 'more' in row ? row.more : {}
  await story.fixture.messaging.receiver.receive('chat', [story.fixture.message(text, more)], [])
  await story.fixture.rest()
  expect(story.shown()).toEqual([`answer to ${text}`])
})
