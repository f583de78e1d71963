import { beforeAll } from 'vitest'
import { storageContract } from '../../../test/contracts/storage.ts'
import { empty, migratedDatabase, openStorageAt } from '../../../test/support/stores/postgres-storage.ts'

let url: string
beforeAll(async () => {
  url = await migratedDatabase()
})

storageContract('PostgreSQL', async () => {
  await empty(url)
  let { storage } = await openStorageAt(url)
  return {
    storage,
    async reopen() {
      await storage.close()
      ;({ storage } = await openStorageAt(url))
      return storage
    },
    dispose: () => storage.close(),
  }
})
