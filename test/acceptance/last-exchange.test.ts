import '../support/processes/no-gateway-left.ts'
import { expect, test } from 'vitest'
import { startSandbox } from '../../src/sandbox/sandbox.ts'
import type { RecordedRequest } from '../../src/sandbox/types.ts'
import { discordPlatform } from '../support/platforms/discord/discord-platform.ts'
import { matrixPlatform } from '../support/platforms/matrix/matrix-platform.ts'
import { slackPlatform } from '../support/platforms/slack/slack-platform.ts'
import { telegramPlatform } from '../support/platforms/telegram/telegram-platform.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'
import { until } from '../support/until.ts'

const TIMEOUT_MS = 60_000

/** What the model was sent, message by message. */
const shownTo = (request: RecordedRequest | undefined) =>
  (request?.messages ?? []).map(({ content }) => JSON.stringify(content))

test.each([
  { open: telegramPlatform, mark: '/' },
  { open: discordPlatform, mark: '/' },
  // Their programs keep the slash for themselves.
  { open: slackPlatform, mark: '!' },
  { open: matrixPlatform, mark: '!' },
])('the last exchange is asked again, taken back and continued: $open.name', PROCESS_TEST, async (row) => {
  const { mark } = row
  await using platform = await row.open()
  const sandbox = await startSandbox({ marked: false })
  await using cleanUp = new AsyncDisposableStack()
  cleanUp.defer(() => sandbox.close())
  sandbox.control.answer({ style: 'echo' })
  await using gateway = await GatewayProcess.prepare({
    config: {
      model: { base_url: sandbox.url },
      gateway: { rate_per_person: 10_000 },
      channels: { web: { enabled: false }, ...platform.channels },
    },
    env: { ANTHROPIC_API_KEY: sandbox.apiKey(), ...platform.env },
  })
  await gateway.start()
  /** Says it, and waits until the chat shows these words so many times. */
  const say = async (text: string, reply: string, times = 1) => {
    await platform.say(0, text)
    const isShown = () => platform.answers(0).filter((answer) => answer.includes(reply)).length === times
    await until(isShown, `"${reply}"`, TIMEOUT_MS).catch((error: unknown) => {
      const shown = platform.answers(0).join('\n')
      throw new Error(
        `${String(error)}\nIt shows:\n${shown}\nThe gateway said:\n${gateway.stderr.slice(-3_000)}`,
      )
    })
    return shownTo(sandbox.requests.at(-1))
  }

  await say('one', 'Echo: one')
  expect(await say(`${mark}retry`, 'Echo: one', 2)).toEqual([expect.stringContaining('one')])
  await say('two', 'Echo: two')
  await say(`${mark}undo`, 'Undone. I no longer see your message "two"')
  await say('!cut', 'This answer ends in the middle')
  const continued = await say(`${mark}continue`, 'Echo: /continue')
  expect(continued).toHaveLength(5)
  for (const [index, words] of ['one', 'Echo: one', '!cut', 'This answer ends', '/continue'].entries())
    expect(continued[index]).toContain(words)
  await say(`${mark}continue`, 'There is nothing to continue')
  expect(await say(`${mark}new three`, 'Echo: three')).toEqual([expect.stringContaining('three')])
  await say(`${mark}help`, 'continue – finish an answer')
  // Slack sends no such message.
  if (row.open !== slackPlatform) await say('/frobnicate it', `I don't know the command /frobnicate.`)
  expect(sandbox.requests).toHaveLength(6)
})

test('hermes chat has the last exchange asked again and taken back', PROCESS_TEST, async () => {
  await using fixture = await BotFixture.start()
  const chat = async (text: string) => (await fixture.gateway.run(['chat', text])).stdout
  expect(await chat('one')).toBe('Echo: one\n')
  expect(await chat('/retry')).toBe('Echo: one\n')
  expect(await chat('/undo')).toContain('Undone. I no longer see your message "one"')
  expect(await chat('/undo')).toContain('There is nothing to undo.')
  expect(await chat('/frobnicate')).toContain("I don't know the command /frobnicate.")
  expect(fixture.sandbox.requests.map(({ text, turns }) => [text, turns])).toEqual([
    ['one', 1],
    ['one', 1],
  ])
})
