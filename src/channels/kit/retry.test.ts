import { expect, test } from 'vitest'
import { DiscordFixture } from '../../../test/support/platforms/discord/discord-fixture.ts'
import { MatrixFixture } from '../../../test/support/platforms/matrix/matrix-fixture.ts'
import { RecordingReceiver } from '../../../test/support/platforms/recording-receiver.ts'
import { SlackFixture } from '../../../test/support/platforms/slack/slack-fixture.ts'
import { TelegramFixture } from '../../../test/support/platforms/telegram/telegram-fixture.ts'
import { rethrow } from '../../../test/support/rethrow.ts'
import { until } from '../../../test/support/until.ts'
import { NO_INPUTS } from '../../inbox/parked-inputs.ts'
import { SECOND, systemClock, type Clock } from '../../support/clock.ts'
import { StoreError } from '../../support/errors.ts'
import { createLog } from '../../support/log.ts'
import { Secret } from '../../support/secret.ts'
import type { Channel } from '../channel.ts'
import { createEmailChannel } from '../email/channel.ts'
import { Watermarks } from './intake/watermarks.ts'

/** So that a gateway whose database came back is well within ten seconds. */
const LONGEST_MS = 4 * SECOND
/** Doubling from a second, the longest wait of the platforms is reached by then. */
const TRIES = 8

/** A store that is away, and a clock that notes each wait that follows a refusal and lets it pass at once. */
class AwayStore {
  readonly waits: number[] = []
  #refused = false

  readonly refuse = (): Promise<never> => {
    this.#refused = true
    return Promise.reject(new StoreError('away'))
  }

  readonly clock: Clock = {
    ...systemClock,
    setTimer: (callback, delayMs) => {
      if (!this.#refused) return systemClock.setTimer(callback, delayMs)
      this.#refused = false
      this.waits.push(delayMs)
      return systemClock.setTimer(callback, 0)
    },
  }

  async longestWait(): Promise<number> {
    await until(() => this.waits.length >= TRIES, 'the tries')
    return Math.max(...this.waits)
  }
}

type Fixture = {
  create(receiver: RecordingReceiver, options: object): Channel
} & AsyncDisposable

test.each<readonly [string, () => Promise<Fixture>]>([
  ['telegram', () => TelegramFixture.open()],
  ['slack', () => SlackFixture.open()],
  ['discord', () => DiscordFixture.open()],
  ['matrix', () => MatrixFixture.open()],
])('%s asks a store that is away again every few seconds, for as long as it takes', async (_name, open) => {
  await using fixture = await open()
  const store = new AwayStore()
  const receiver = new RecordingReceiver()
  const { clock, refuse } = store
  const channel = fixture.create(receiver, {
    clock,
    random: () => 0.99,
    readCursor: refuse,
    readCursors: refuse,
    writeCursor: refuse,
  })
  await channel.start(receiver)
  expect(await store.longestWait()).toBeLessThanOrEqual(LONGEST_MS)
})

test('email asks a store that is away again every few seconds, for as long as it takes', async () => {
  const store = new AwayStore()
  const nowhere = { host: '127.0.0.1', port: 9, secure: false }
  const channel = createEmailChannel({
    address: 'hermes@example.org',
    username: 'hermes',
    password: new Secret('TEST-password'),
    imap: nowhere,
    smtp: nowhere,
    mailbox: 'INBOX',
    authservId: 'mx.example.org',
    mayWrite: () => true,
    clock: store.clock,
    log: await createLog({ level: 'error', destination: { write: () => {} } }),
    readCursor: store.refuse,
    writeCursor: store.refuse,
    inputs: NO_INPUTS,
    mailsPerHour: 10,
    random: () => 0.99,
  })
  await channel.start(new RecordingReceiver())
  expect(await store.longestWait()).toBeLessThanOrEqual(LONGEST_MS)
  await channel.stop()
})

test('what was missed is tried again every few seconds while it cannot be stored', async () => {
  const store = new AwayStore()
  const receiver = new RecordingReceiver()
  receiver.before = store.refuse
  const marks = new Watermarks({
    channel: 'chat',
    receiver,
    clock: store.clock,
    readCursors: async () => [{ name: 'room', value: '1' }],
    isPlace: () => true,
    compare: (a, b) => Number(a) - Number(b),
    fetch: async () => ({
      pieces: [{ id: '2', items: [{ kind: 'deletion', address: 'room', platformMessageId: '2' }] }],
      more: false,
    }),
    before: (id) => String(Number(id) - 1),
    onParked: (_place, _id, error) => rethrow(error),
    onTrouble: () => {},
    random: () => 0.99,
  })
  await marks.load()
  const stop = new AbortController()
  const caughtUp = marks.catchUp(stop.signal)
  expect(await store.longestWait()).toBeLessThanOrEqual(LONGEST_MS)
  stop.abort()
  await caughtUp
})
