import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { KILL_MOMENTS, KillFixture, type KillMoment } from '../support/processes/kill-fixture.ts'

const RANDOM_ROUNDS = 4

test(
  'a kill -9 anywhere on a message’s way loses nothing, and pays twice only for answers that were not stored',
  PROCESS_TEST,
  async () => {
    await using fixture = await KillFixture.start()
    const moments = [...KILL_MOMENTS, ...Array<'at any time'>(RANDOM_ROUNDS).fill('at any time')]
    const sentAgain = new Map<KillMoment, number>()
    for (const moment of moments) {
      const report = await fixture.round(moment)
      expect(report.broken).toEqual([])
      sentAgain.set(moment, report.sentAgain)
    }
    // Only what had left without a note of it can stand there twice.
    expect(sentAgain.get('before the commit')).toBe(0)
    expect(sentAgain.get('after the outbox')).toBe(0)
  },
)
