import { expect, test } from 'vitest'
import { FakeClock } from '../../../../test/support/fake-clock.ts'
import { HOUR, SECOND, sleep } from '../../../support/clock.ts'
import { Refused, TransientError } from '../../../support/errors.ts'
import { createLog } from '../../../support/log.ts'
import { PlatformFailure } from '../failure.ts'
import { fileLoader } from './file-loader.ts'
import { fileLimit } from './readable-file.ts'

const PNG = Buffer.from('89504e470d0a1a0a0000000d', 'hex')
const FILE = { name: 'cat', mediaType: 'image/jpeg', size: null, ...fileLimit('image/jpeg') }

class Failure extends PlatformFailure<'passing' | 'lasting'> {
  constructor({ lasting = false, retryAfterMs = null as number | null } = {}) {
    super('Test', lasting ? 'lasting' : 'passing', 'download', 'no answer', retryAfterMs)
  }
}

/** A loader of one file from a platform that gives `answers` one after the other, at the times `asked`. */
async function loading(...answers: ReadonlyArray<Uint8Array | null | Error>) {
  const clock = new FakeClock()
  const stopping = new AbortController()
  const asked: number[] = []
  const log = await createLog({ level: 'silent' })
  const load = fileLoader(
    {
      channel: 'test',
      name: 'the platform',
      async fetch() {
        const answer = answers[asked.push(clock.monotonic()) - 1]!
        if (answer instanceof Error) throw answer
        return answer
      },
      isLasting: ({ kind }) => kind === 'lasting',
    },
    { clock, log, random: () => 0.5, signal: () => stopping.signal },
  )
  return { clock, stopping, asked, result: load(FILE)().catch((error: unknown) => error) }
}

test('a file that comes at last is what its bytes say', async () => {
  const { clock, asked, result } = await loading(new Failure(), new Failure({ retryAfterMs: 2_000 }), PNG)
  await clock.advance(10_000)
  expect(await result).toEqual({ mediaType: 'image/png', name: 'cat', bytes: PNG })
  expect(asked[2]! - asked[1]!).toBe(2_000)
})

test('nobody waits for a file longer than for some tries, however long the platform asks to wait', async () => {
  const later = new Failure({ retryAfterMs: 3_600_000 })
  const { clock, asked, result } = await loading(later, later, later, PNG)
  await clock.advance(2 * HOUR)
  expect(await result).toEqual(
    new Refused("I couldn't get your file from the platform. Please send it again."),
  )
  expect(asked).toEqual([0, 5_000, 10_000])
})

test.each([
  ['a lasting failure', new Failure({ lasting: true }), /couldn't get your file/],
  ['a file that is larger than it may be', null, /larger than 3.75 MB/],
  ['a file of another kind', Buffer.from('MZ program'), /another kind/],
  ['an error of our own', new TypeError('a bug'), /a bug/],
])('%s is not asked for again', async (_, answer, message) => {
  const { clock, asked, result } = await loading(answer, PNG)
  await clock.advance(10_000)
  expect(await result).toMatchObject({ message: expect.stringMatching(message) })
  expect(asked.length).toBe(1)
})

test('what is being waited for when the channel stops is left with the platform', async () => {
  const { clock, stopping, asked, result } = await loading(new Failure(), new Failure(), PNG)
  await clock.advance(0)
  stopping.abort()
  expect(await result).toBeInstanceOf(TransientError)
  expect(asked.length).toBe(2)
})

test('a server that keeps us waiting before it fails is not asked again', async () => {
  const clock = new FakeClock()
  let asked = 0
  const load = fileLoader(
    {
      channel: 'test',
      name: 'the platform',
      async fetch() {
        asked++
        await sleep(clock, 15 * SECOND)
        throw new Failure()
      },
      isLasting: () => false,
    },
    {
      clock,
      log: await createLog({ level: 'silent' }),
      random: () => 0.5,
      signal: () => new AbortController().signal,
    },
  )
  const result = load(FILE)().catch((error: unknown) => error)
  await clock.advance(HOUR)
  expect(await result).toBeInstanceOf(Refused)
  expect(asked).toBe(1)
})
