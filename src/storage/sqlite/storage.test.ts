import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storageContract } from '../../../test/contracts/storage.ts'
import { openSqliteStorage } from './storage.ts'

storageContract('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hermes-storage-'))
  const open = () => openSqliteStorage({ path: join(folder, 'hermes.db'), pullChannels: ['web'] })
  let storage = await open()
  return {
    storage,
    async reopen() {
      await storage.close()
      return (storage = await open())
    },
    async dispose() {
      await storage.close()
      await rm(folder, { recursive: true })
    },
  }
})
