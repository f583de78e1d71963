import { expect, test } from 'vitest'
import '../support/no-gateway-left.ts'
import { PROCESS_TEST } from '../support/bot-world.ts'
import { DISTURBANCES } from '../support/platform-trial.ts'
import { ProgramTrial } from '../support/program-trial.ts'

test(
  'programs that ask again under their key get one answer each, whatever happens in between',
  PROCESS_TEST,
  async () => {
    await using trial = await ProgramTrial.start()
    for (const disturbance of DISTURBANCES) {
      expect(await trial.round(disturbance)).toEqual([])
    }
  },
)
