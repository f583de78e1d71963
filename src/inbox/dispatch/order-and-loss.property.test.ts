import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import {
  MemoryChannel,
  MessageFixture,
  lastText,
  type MessageFixtureOptions,
} from '../../../test/support/message-fixture.ts'
import { empty, migratedDatabase, openStorageAt } from '../../../test/support/stores/postgres-storage.ts'
import { assertProperty } from '../../../test/support/test-chance.ts'
import { ModelRefusal } from '../../conversation/model.ts'
import { HOUR, MINUTE, SECOND } from '../../support/clock.ts'
import { StoreError, TransientError, UsageLimited } from '../../support/errors.ts'

/** What may go wrong at each question to the model, each part sent and each outcome stored. */
const modelFault = fc.constantFrom(
  'none',
  'none',
  'none',
  'overload',
  'limit',
  'bug',
  'refused',
  'after-text',
)
const sendFault = fc.constantFrom('none', 'none', 'none', 'network', 'rate-limit')
const storeFault = fc.constantFrom('none', 'none', 'none', 'none', 'full')

const scenario = fc.record({
  messages: fc.array(
    fc.record({ chat: fc.integer({ min: 0, max: 2 }), pause: fc.integer({ min: 0, max: 20 }) }),
    {
      minLength: 1,
      maxLength: 14,
    },
  ),
  model: fc.array(modelFault, { maxLength: 12 }),
  send: fc.array(sendFault, { maxLength: 12 }),
  store: fc.array(storeFault, { maxLength: 12 }),
  merge: fc.boolean(),
  /** The process is killed after this message. */
  kill: fc.option(fc.integer({ min: 0, max: 13 }), { nil: null }),
})

/** A file of its own for each scenario, or one database that is emptied before it. */
const STORES = [
  ['SQLite', async () => ({ runs: 12, place: async () => ({}) })],
  [
    'PostgreSQL',
    async () => {
      const url = await migratedDatabase()
      const openStorage = async () => (await openStorageAt(url)).storage
      const place = async () => {
        await empty(url)
        return { openStorage }
      }
      return { runs: 4, place }
    },
  ],
] as const

test.each(STORES)(
  'on %s, whatever fails, every message comes to its end, answers keep the order of the questions, none is given twice',
  async (_, open) => {
    const { place, runs } = await open()
    await assertProperty(
      fc.asyncProperty(scenario, async ({ messages, model, send, store, merge, kill }) => {
        const openStorage = await place()
        const clock = new FakeClock()
        const sendChannel = new MemoryChannel('chat', SECOND)
        const next = <T>(faults: T[], none: T): T => faults.shift() ?? none
        const [models, sends, stores] = [[...model], [...send], [...store]]
        const options: MessageFixtureOptions = {
          clock,
          sendChannels: [sendChannel],
          ...openStorage,
          messaging: {
            hold: { maxAge: 100 * HOUR, maxPerConversation: 50, maxTotal: 1_000, merge },
            concurrency: 2,
          },
          wrapInbox: (inbox) => ({
            ...inbox,
            finish: async (lease, outcome, now) => {
              if (next(stores, 'none') === 'full') throw new StoreError('full')
              return inbox.finish(lease, outcome, now)
            },
          }),
        }
        const reply: MessageFixture['model']['reply'] = (request, { onText }) => {
          switch (next(models, 'none')) {
            case 'overload':
              throw new TransientError('overloaded', null, 'overloaded')
            case 'limit':
              throw new UsageLimited(clock.now() + 5 * MINUTE)
            case 'bug':
              throw new TypeError('a bug')
            case 'refused':
              throw new ModelRefusal('not-accepted')
            case 'after-text':
              onText('half')
              throw new TransientError('reset', null, 'network')
            default:
              return `re: ${lastText(request)}`
          }
        }
        sendChannel.onSend = () => {
          const fault = next(sends, 'none')
          if (fault === 'network') throw new TransientError('reset')
          if (fault === 'rate-limit') throw new TransientError('slow down', 7 * SECOND, 'rate-limited')
        }
        await using first = await MessageFixture.start(options)
        first.model.reply = reply
        let fixture = first
        await using later = new AsyncDisposableStack()
        for (const [index, { chat, pause }] of messages.entries()) {
          await fixture.say(`c${chat}`, `q${index}`)
          if (pause > 10) await fixture.pass(pause * SECOND, 10 * SECOND)
          if (index !== kill) continue
          await fixture.crash()
          fixture = later.use(await MessageFixture.open({ ...options, path: first.path }))
          fixture.model.reply = reply
          await fixture.messaging.start()
        }
        await fixture.pass(HOUR, 30 * SECOND)
        for (const chat of [0, 1, 2]) {
          const rows = await fixture.rows(`c${chat}`)
          const open = rows.filter(({ state }) => ['received', 'held', 'answering'].includes(state))
          expect(open).toEqual([])
          const asked = messages.flatMap((message, index) => (message.chat === chat ? [`q${index}`] : []))
          const answered = sendChannel.texts(`c${chat}`).flatMap((text) => text.match(/q\d+/g) ?? [])
          const refused = rows.filter(({ state }) => state === 'refused' || state === 'parked')
          const unanswered = new Set(refused.map(({ text }) => text))
          expect(answered).toEqual(asked.filter((text) => !unanswered.has(text)))
        }
      }),
      { numRuns: runs },
    )
  },
  120_000,
)
