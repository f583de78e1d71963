import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { BotFixture, PROCESS_TEST, type BotOptions } from '../support/processes/bot-fixture.ts'

const ANNA = 501
const BEN = 502
/** A picture of one point. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
/** Nothing is said yet for so long, while everything else takes a fraction of it. */
const THINKING_MS = 3_000

const merging = (answer: NonNullable<NonNullable<BotOptions['sandbox']>['answer']> = {}): BotOptions => ({
  sandbox: { answer },
  config: { gateway: { hold: { merge: true } } },
})

/** The pictures of each request, and its words. */
function asked({ sandbox }: BotFixture) {
  return sandbox.requests.map(({ messages, text }) => {
    const content = messages.at(-1)!.content as string | ReadonlyArray<{ readonly type: string }>
    const blocks = typeof content === 'string' ? [] : content
    return { text, pictures: blocks.filter(({ type }) => type === 'image').length }
  })
}

test(
  'an album that comes in two batches, with a kill -9 between them, has one answer',
  PROCESS_TEST,
  async () => {
    await using fixture = await BotFixture.start(merging({ delayMs: THINKING_MS }))
    const { telegram, gateway } = fixture
    const picture = (caption?: string) =>
      telegram.say(ANNA, null, {
        message: {
          photo: [{ file_id: telegram.addFile(PNG, 'photos/file.png') }],
          media_group_id: 'album',
          ...(caption === undefined ? {} : { caption }),
        },
      })
    const confirmed = telegram.confirmed
    picture('Which one is best?')
    picture()
    await fixture.until(
      () => telegram.confirmed > confirmed + 1 && telegram.unconfirmed === 0,
      'the first pieces',
    )
    await gateway.kill('SIGKILL')
    picture()
    picture()
    await gateway.start()
    const answer = 'Echo: Which one is best?'
    await fixture.until(() => fixture.shown(ANNA).at(-1) === answer, 'the answer')
    expect(fixture.shown(ANNA)).toEqual([answer])
    expect(asked(fixture).at(-1)).toEqual({ text: 'Which one is best?', pictures: 4 })
    const rows = await fixture.stored()
    expect(new Set(rows.filter(({ role }) => role === 'user').map(({ state }) => state))).toEqual(
      new Set(['answered']),
    )
    expect(rows.filter(({ role }) => role === 'assistant')).toHaveLength(1)
  },
)

test(
  'a text that Telegram splits in three has one answer, and others are not kept waiting',
  PROCESS_TEST,
  async () => {
    await using fixture = await BotFixture.start(merging())
    const { telegram } = fixture
    const parts = ['first ', 'second '].map((word) => word.repeat(999).slice(0, 4_090))
    for (const part of parts) telegram.say(ANNA, part)
    telegram.say(ANNA, 'the end')
    telegram.say(BEN, 'hello')
    await fixture.until(() => fixture.shown(ANNA).at(-1)?.endsWith('the end') === true, 'the answer')
    expect(asked(fixture).map(({ text }) => text)).toEqual(['hello', [...parts, 'the end'].join('\n\n')])
  },
)

test('two quick messages have one answer where nothing of it was shown', PROCESS_TEST, async () => {
  await using fixture = await BotFixture.start(merging({ delayMs: THINKING_MS }))
  const { telegram, sandbox } = fixture
  telegram.say(ANNA, 'What is a quine?')
  await fixture.until(() => sandbox.requests.length > 0, 'the first request')
  telegram.say(ANNA, 'In Lisp, please.')
  const answer = 'Echo: What is a quine?\n\nIn Lisp, please.'
  await fixture.until(() => fixture.shown(ANNA).at(-1) === answer, 'the answer')
  expect(fixture.shown(ANNA)).toEqual([answer])
  expect(sandbox.requests).toHaveLength(2)
})

test('two quick messages have two answers where the first one was already shown', PROCESS_TEST, async () => {
  const words = 'word '.repeat(100)
  await using fixture = await BotFixture.start(merging({ deltaDelayMs: 40, wordsPerDelta: 2 }))
  const { telegram } = fixture
  telegram.say(ANNA, words)
  await fixture.until(() => telegram.chats.sent.length > 0, 'the first words')
  telegram.say(ANNA, 'And then?')
  await fixture.until(() => fixture.shown(ANNA).includes('Echo: And then?'), 'the second answer')
  expect(fixture.shown(ANNA)).toEqual([`Echo: ${words.trim()}`, 'Echo: And then?'])
  expect(asked(fixture).map(({ text }) => text)).toEqual([words, 'And then?'])
})
