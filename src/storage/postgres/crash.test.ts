import { expect, test } from 'vitest'
import { survivesKills } from '../../../test/contracts/storage/crash.ts'
import { migratedDatabase, openStorageAt } from '../../../test/support/stores/postgres-storage.ts'

test('what was committed before a kill -9 is there, whole and in order, and nothing is half there', async () => {
  const url = await migratedDatabase()
  const survived = survivesKills(url, async () => (await openStorageAt(url)).storage)
  await expect(survived).resolves.toBeUndefined()
})
