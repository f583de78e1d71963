import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { parseRecord, type KeeperMemory } from './record.ts'

/**
 * The keeper's memory as a small JSON file (0600) inside the home.
 *
 * Replaced in one step, so that a killed process leaves it whole; not forced to the
 * disk, because it is written beside each refresh, whose own writes must not wait for
 * it. What a power cut takes away costs one request, never a token.
 */
export function memoryFile(path: string): KeeperMemory {
  const temporary = `${path}.${process.pid}.tmp`
  return {
    async load() {
      const text = await readFile(path, 'utf8').catch(() => null)
      return text === null ? null : parseRecord(text)
    },
    async save(record) {
      try {
        await writeFile(temporary, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 })
        await rename(temporary, path)
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => {})
        throw error
      }
    },
  }
}
