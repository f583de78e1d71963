import { expect, test } from 'vitest'
import '../support/no-gateway-left.ts'
import { PROCESS_TEST } from '../support/bot-world.ts'
import { KILL_MOMENTS, KillTrial } from '../support/kill-trial.ts'

const RANDOM_ROUNDS = 4

test(
  'a kill -9 anywhere on a message’s way loses nothing, and pays twice only for answers that were not stored',
  PROCESS_TEST,
  async () => {
    await using trial = await KillTrial.start()
    const moments = [...KILL_MOMENTS, ...Array<'at any time'>(RANDOM_ROUNDS).fill('at any time')]
    for (const moment of moments) {
      const { broken, askedAgain, sentAgain } = await trial.round(moment)
      expect(broken).toEqual([])
      if (moment === 'after the outbox') expect(askedAgain).toBeLessThanOrEqual(1)
      // Only what had left without a note of it can stand there twice.
      if (moment === 'before the commit' || moment === 'after the outbox')
        expect([moment, sentAgain]).toEqual([moment, 0])
    }
  },
)
