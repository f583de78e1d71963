import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStorage } from '../../../src/storage/sqlite/storage.ts'
import type { Storage } from '../../../src/storage/storage.ts'
import { migratedDatabase, openStorageAt } from './postgres-storage.ts'
import { STORAGE } from './storage-choice.ts'

export interface FixtureStorageOptions {
  /** That another fixture used before; left out: a new one. */
  readonly path?: string
  /** Another store than the one of this run of the suite. */
  readonly openStorage?: () => Promise<Storage>
}

/** Opens the storage of this run of the suite: a file, or a database, and its place. */
export async function openFixtureStorage({ path: known, openStorage }: FixtureStorageOptions) {
  const pullChannels = ['web', 'openai']
  if (openStorage) return { opened: await openStorage(), path: '', folder: null }
  if (STORAGE === 'postgres') {
    const path = known ?? (await migratedDatabase())
    return { opened: (await openStorageAt(path, { pullChannels })).storage, path, folder: null }
  }
  const folder = known ? null : await mkdtemp(join(tmpdir(), 'hermes-messages-'))
  const path = known ?? join(folder!, 'hermes.db')
  return { opened: await openSqliteStorage({ path, pullChannels }), path, folder }
}
