import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { storageContract } from '../../../test/contracts/storage.ts'
import { openSqliteStorage } from './storage.ts'

storageContract('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hermes-storage-'))
  const path = join(folder, 'hermes.db')
  const open = () => openSqliteStorage({ path, pullChannels: ['web'] })
  let storage = await open()
  return {
    storage,
    async reopen() {
      await storage.close()
      return (storage = await open())
    },
    async rowsOf(table) {
      const db = new DatabaseSync(path, { readOnly: true })
      try {
        return Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()!['n'])
      } finally {
        db.close()
      }
    },
    async dispose() {
      await storage.close()
      await rm(folder, { recursive: true })
    },
  }
})
