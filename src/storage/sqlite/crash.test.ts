import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { survivesKills } from '../../../test/contracts/storage/crash.ts'
import { openSqliteStorage } from './storage.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hermes-crash-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('what was committed before a kill -9 is there, whole and in order, and nothing is half there', async () => {
  const path = join(folder, 'hermes.db')
  const survived = survivesKills(path, () => openSqliteStorage({ path, pullChannels: [] }))
  await expect(survived).resolves.toBeUndefined()
})
