import { expect, test } from 'vitest'
import { systemClock, type Clock } from '../../src/support/clock.ts'
import { RecordingReceiver } from '../support/platforms/recording-receiver.ts'
import { PRIVATE_CHAT, TelegramFixture } from '../support/platforms/telegram/telegram-fixture.ts'
import { pause, until } from '../support/until.ts'

/** Real time with every wait a tenth as long, and never as long as a minute. */
const quick: Clock = {
  ...systemClock,
  setTimer: (callback, delayMs) => systemClock.setTimer(callback, Math.min(delayMs / 10, 1_000)),
}

test('two gateways that poll with one bot token back off, say what is wrong, and recover when one is gone', async () => {
  await using fixture = await TelegramFixture.open()
  const { server } = fixture
  const receivers = [new RecordingReceiver(), new RecordingReceiver()] as const
  const changes: string[] = []
  const channels = receivers.map((receiver) =>
    fixture.create(receiver, {
      clock: quick,
      pollSeconds: 30,
      onStatus: (status) => void changes.push(status.state),
    }),
  )
  const [first, second] = channels as [(typeof channels)[0], (typeof channels)[0]]
  await first.start(receivers[0])
  await until(() => first.status().state === 'connected', 'the first connection')
  await second.start(receivers[1])
  const disturbed = await until(
    () => channels.find((channel) => channel.status().state === 'retrying')?.status(),
    'the conflict in the status',
  )
  expect(disturbed.problem).toContain('another program receives with the same bot token')

  const before = server.callsOf('getUpdates').length
  changes.length = 0
  // Twenty seconds, on this clock.
  await pause(2_000)
  // Without backing off, each would end the other's poll hundreds of times a second.
  expect(server.callsOf('getUpdates').length - before).toBeLessThan(30)
  // Taking turns is no recovery: the trouble stays in sight.
  expect(changes.filter((state) => state === 'connected')).toEqual([])

  server.say(PRIVATE_CHAT, 'in between')
  await until(() => receivers.some((receiver) => receiver.texts.length === 1), 'the message', 10_000)

  await second.stop()
  server.say(PRIVATE_CHAT, 'alone again')
  await until(() => receivers[0].texts.includes('alone again'), 'the message', 10_000)
  // The poll that waits shows that nobody interferes any more; something to hear ends it.
  await until(() => server.callsOf('getUpdates').at(-1)!.payload['timeout'] === 30, 'a poll that waits')
  server.say(PRIVATE_CHAT, 'and well')
  await until(() => first.status().state === 'connected', 'the recovery', 10_000)
  expect(first.status().problem).toBeNull()
})

test('a webhook that is set is named as the cause, with the fix, and polling resumes when it is gone', async () => {
  await using fixture = await TelegramFixture.open()
  const { server } = fixture
  server.webhookUrl = 'https://elsewhere.example/hook/secret-path'
  const receiver = new RecordingReceiver()
  const channel = fixture.create(receiver, { clock: quick })
  await channel.start(receiver)
  await until(() => channel.status().state === 'retrying', 'the conflict in the status')
  expect(channel.status().problem).toMatch(/webhook.*elsewhere\.example.*deleteWebhook/)
  expect(channel.status().problem).not.toContain('secret-path')
  server.webhookUrl = ''
  server.say(PRIVATE_CHAT, 'hello')
  await until(() => receiver.texts.length === 1, 'the message', 10_000)
  await until(() => channel.status().state === 'connected', 'the recovery', 10_000)
})
