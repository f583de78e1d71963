import { describe, expect, it } from 'vitest'
import { DAY, SECOND } from '../../src/support/clock.ts'
import { ONE_AN_EXPIRY, SOURCES, useTokens } from '../support/provider/short-lived-sources.ts'

/** More than a hundred thousand refreshes each. */
const TIMEOUT_MS = 300_000

describe.each(Object.entries(SOURCES))('%s', (_name, make) => {
  it.each([20, 30])(
    'is refreshed once an expiry for thirty days of tokens that live %d s',
    { timeout: TIMEOUT_MS },
    async (seconds) => {
      const used = await useTokens(make, seconds, 30 * DAY)
      expect(used).toMatchObject(ONE_AN_EXPIRY)
      expect(used.requests).toBeGreaterThanOrEqual((30 * DAY) / (seconds * SECOND))
    },
  )
})
