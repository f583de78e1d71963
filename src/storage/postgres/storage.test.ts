import { beforeAll } from 'vitest'
import { storageContract } from '../../../test/contracts/storage.ts'
import {
  empty,
  migratedDatabase,
  openQuietly,
  openStorageAt,
} from '../../../test/support/stores/postgres-storage.ts'

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
    async rowsOf(table) {
      const database = await openQuietly(url)
      try {
        const [row] = await database.query<{ n: number }>(`SELECT count(*) AS n FROM hermes.${table}`)
        return row!.n
      } finally {
        await database.close()
      }
    },
    dispose: () => storage.close(),
  }
})
