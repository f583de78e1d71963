import { describe, expect, test } from 'vitest'
import { FakeClock } from '../../../../test/support/fake-clock.ts'
import { sleep } from '../../../support/clock.ts'
import type { TransientError } from '../../../support/errors.ts'
import { Pacing } from './pacing.ts'

const signal = new AbortController().signal
const GROUP = -100

/** How many turns of one chat come within `ms`, when each is asked for again as soon as it may be. */
async function turnsWithin(pacing: Pacing, clock: FakeClock, chatId: number, ms: number): Promise<number> {
  const end = clock.monotonic() + ms
  let turns = 0
  const asking = (async () => {
    while (clock.monotonic() < end) {
      const refusal = await pacing.turn(chatId, signal).catch((error: TransientError) => error)
      if (refusal) await sleep(clock, refusal.retryAfterMs!)
      else turns++
    }
  })()
  await clock.advance(ms + 10_000)
  await asking
  return turns
}

describe('pacing', () => {
  test('lets a burst through, then about a message a second to one chat', async () => {
    const clock = new FakeClock()
    const pacing = new Pacing(clock, { ...limits, chat: { burst: 3, perSecond: 1 } })
    for (let sent = 0; sent < 3; sent++) await pacing.turn(1, signal)
    let late = false
    const fourth = pacing.turn(1, signal).then(() => (late = true))
    await clock.advance(900)
    expect(late).toBe(false)
    await clock.advance(200)
    await fourth
    // Another chat does not wait for this one.
    await pacing.turn(2, signal)
  })

  test('keeps a group below twenty a minute', async () => {
    const clock = new FakeClock()
    const pacing = new Pacing(clock, { ...limits, group: { burst: 1, perSecond: 20 / 60 } })
    const turns = await turnsWithin(pacing, clock, GROUP, 60_000)
    expect(turns).toBeLessThanOrEqual(21)
    expect(turns).toBeGreaterThan(15)
  })

  test('gives a long wait back instead of sitting it out', async () => {
    const clock = new FakeClock()
    const pacing = new Pacing(clock)
    pacing.block(1, 30_000)
    await expect(pacing.turn(1, signal)).rejects.toMatchObject({
      reason: 'rate-limited',
      retryAfterMs: 30_000,
    })
    expect(pacing.isOpen(1)).toBe(false)
    await clock.advance(30_000)
    await pacing.turn(1, signal)
  })

  test('leaves room for finished texts when drafts come fast', async () => {
    const clock = new FakeClock()
    const pacing = new Pacing(clock, { ...limits, chat: { burst: 10, perSecond: 1 } })
    let drafts = 0
    while (pacing.tryDraft(1)) drafts++
    expect(drafts).toBe(5)
    await pacing.turn(1, signal)
  })

  test('ends a wait when it is aborted', async () => {
    const pacing = new Pacing(new FakeClock(), { ...limits, chat: { burst: 1, perSecond: 1 } })
    await pacing.turn(1, signal)
    const stop = new AbortController()
    const waiting = pacing.turn(1, stop.signal)
    stop.abort(new Error('stopping'))
    await expect(waiting).rejects.toThrow('stopping')
  })
})

const limits = {
  chat: { burst: 10, perSecond: 1 },
  group: { burst: 10, perSecond: 1 },
  overall: { burst: 1_000, perSecond: 1_000 },
}
