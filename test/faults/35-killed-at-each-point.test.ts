import { expect, test } from 'vitest'
import '../support/no-gateway-left.ts'
import { PROCESS_TEST } from '../support/bot-world.ts'
import { KILL_MOMENTS, KillTrial, type KillMoment } from '../support/kill-trial.ts'

const RANDOM_ROUNDS = 4

test(
  'a kill -9 anywhere on a message’s way loses nothing, and pays twice only for answers that were not stored',
  PROCESS_TEST,
  async () => {
    await using trial = await KillTrial.start()
    const moments = [...KILL_MOMENTS, ...Array<'at any time'>(RANDOM_ROUNDS).fill('at any time')]
    const sentAgain = new Map<KillMoment, number>()
    for (const moment of moments) {
      const report = await trial.round(moment)
      expect(report.broken).toEqual([])
      sentAgain.set(moment, report.sentAgain)
    }
    // Only what had left without a note of it can stand there twice.
    expect(sentAgain.get('before the commit')).toBe(0)
    expect(sentAgain.get('after the outbox')).toBe(0)
  },
)
