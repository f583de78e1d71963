import { readFile } from 'node:fs/promises'
import { writeFileAtomically } from '../support/atomic-file.ts'
import { parseRecord, type KeeperMemory } from './keeper-memory.ts'

/** The keeper's memory as a small JSON file (0600) inside the home. */
export function memoryFile(path: string): KeeperMemory {
  return {
    async load() {
      const text = await readFile(path, 'utf8').catch(() => null)
      return text === null ? null : parseRecord(text)
    },
    save: (record) => writeFileAtomically(path, `${JSON.stringify(record, null, 2)}\n`),
  }
}
