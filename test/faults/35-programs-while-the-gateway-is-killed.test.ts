import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { DISTURBANCES } from '../support/platforms/platform-fixture.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { ProgramFixture } from '../support/processes/program-fixture.ts'

test(
  'programs that ask again under their key get one answer each, whatever happens in between',
  PROCESS_TEST,
  async () => {
    await using fixture = await ProgramFixture.start()
    for (const disturbance of DISTURBANCES) {
      expect(await fixture.round(disturbance)).toEqual([])
    }
  },
)
