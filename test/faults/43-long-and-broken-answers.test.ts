import { expect, test } from 'vitest'
import { DEFAULT_PACING } from '../../src/channels/telegram/send/sender.ts'
import { RecordingReceiver } from '../support/platforms/recording-receiver.ts'
import { GROUP_CHAT, PRIVATE_CHAT, TelegramFixture } from '../support/platforms/telegram/telegram-fixture.ts'

const signal = new AbortController().signal
/** These tests are about form, not about speed. */
const FAST = { burst: 1_000, perSecond: 1_000 }
const pacing = { ...DEFAULT_PACING, chat: FAST, group: FAST, overall: FAST }

/** Sends an answer as an outbox does, and returns what the reader sees. */
async function shown(answer: string, chatId: number): Promise<{ texts: string[]; refused: number }> {
  await using fixture = await TelegramFixture.open()
  const { server } = fixture
  const channel = fixture.create(new RecordingReceiver(), { pacing })
  for (const [index, part] of channel.split(answer).entries())
    await channel.send(String(chatId), part, { replyTo: null, key: `k${index}`, signal })
  const texts = server.chats.sent.map((message) => message.text)
  return { texts, refused: server.callsOf('sendMessage').length - texts.length }
}

/** Letters and digits alone: what formatting may not touch. */
const words = (text: string) => text.replace(/[^\p{L}\p{N}]+/gu, '')

test('an answer of 100 kB arrives whole, in order, in messages that are long enough to be few', async () => {
  const paragraph = (index: number) =>
    `Paragraph ${index}: some **bold** words, *others* and a number ${index * 7}.`
  const answer = Array.from({ length: 1_700 }, (_, index) => paragraph(index)).join('\n\n')
  expect(answer.length).toBeGreaterThan(100_000)
  const { texts, refused } = await shown(answer, PRIVATE_CHAT)
  expect(words(texts.join('\n'))).toBe(words(answer))
  expect(texts.length).toBeLessThan(40)
  expect(refused).toBe(0)
  // Every message but the first begins with a paragraph: none was torn.
  for (const text of texts) expect(text).toMatch(/^Paragraph \d+:/)
})

test('code of 100 kB arrives as code, in blocks that each end', async () => {
  const answer = `Here it is:\n\n\`\`\`ts\n${'if (a < b && "c") return `d${1}`\n'.repeat(3_200)}\`\`\`\n\nThat was it.`
  const { texts, refused } = await shown(answer, PRIVATE_CHAT)
  expect(words(texts.join('\n'))).toBe(words(answer).replace('Hereitists', 'Hereitis'))
  expect(refused).toBe(0)
})

test.each([
  ['Markdown that ends nowhere', '**bold *italic `code [link](http://x\n```js\nlet a = "<b>"'],
  ['crossed and nested marks', '**a *b** c* ~~d **e~~ f** > g\n> > > h\n`i *j* `'],
  ['raw HTML', '<b>not closed <a href="javascript:x">y</a> <script>z</script> & &lt; &nbsp;'],
  ['right-to-left text', 'שלום **עולם**, مرحبا *بالعالم* \u202e reversed \u202c'],
  ['emoji', '👨‍👩‍👧‍👦 **👍🏽** 🇩🇪 e\u0301'],
  ['nothing but marks', '** ** __ `` ~~~~'],
  ['a quote within a quote, thousands deep', `${'>'.repeat(4_000)} deep`],
  ['a list within a list, thousands deep', `${'- '.repeat(2_000)} deep`],
  ['a table with gaps', '| a | b |\n|--|--|\n| only one |\n| x | y | z |'],
])('%s is never refused', async (_what, answer) => {
  for (const chat of [PRIVATE_CHAT, GROUP_CHAT]) {
    const { texts, refused } = await shown(answer, chat)
    expect(refused).toBe(0)
    expect(texts.length).toBe(1)
    expect(words(answer)).toContain(words(texts[0]!).slice(0, 4))
  }
})

test('a family of emoji is not torn between two messages', async () => {
  const family = '👨‍👩‍👧‍👦'
  const { texts } = await shown(family.repeat(2_000), PRIVATE_CHAT)
  expect(texts.join('')).toBe(family.repeat(2_000))
  for (const text of texts) expect(text.length % family.length).toBe(0)
})

test('names of people are not called in a group', async () => {
  const { texts } = await shown('@everyone, @channel and @ada_lovelace: look. Mail a@b.example', GROUP_CHAT)
  expect(texts[0]).not.toMatch(/@(?:everyone|channel|ada)/)
  expect(texts[0]!.replaceAll('\u2060', '')).toBe(
    '@everyone, @channel and @ada_lovelace: look. Mail a@b.example',
  )
})
