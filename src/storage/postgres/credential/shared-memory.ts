import { EMPTY_RECORD, parseRecord, type KeeperMemory } from '../../../credentials/keeper/record.ts'
import { withChanges } from '../../../credentials/keeper/shared-record.ts'
import { StoreError } from '../../../support/errors.ts'
import type { Queryable } from '../connection/database.ts'

const ROW = 'own'
/** Each attempt loses at most once to every other process. */
const MAX_TRIES = 20

/**
 * The state that the keepers of all gateways share, as one record: each adds what it has learned and
 * removes nothing of the others. A started refresh is not part of it: the intent records that, and whether
 * it may be repeated.
 */
export function sharedMemory(database: Queryable): KeeperMemory {
  const read = async () => {
    const [row] = await database.query<{ version: number; record: unknown }>(
      'SELECT version, record FROM hermes.keeper_memory WHERE id = $1',
      [ROW],
    )
    const record = row ? parseRecord(JSON.stringify(row.record)) : null
    return { version: row?.version ?? 0, record: record && { ...record, begun: null } }
  }
  return {
    isShared: true,
    load: async () => (await read()).record,
    async save(mine, base) {
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const { version, record } = await read()
        const merged = withChanges(base, mine, record ?? EMPTY_RECORD)
        const saved = await database.query(version === 0 ? INSERT : UPDATE, [
          ROW,
          version + 1,
          JSON.stringify({ ...merged, begun: null }),
        ])
        if (saved.length > 0) return
      }
      throw new StoreError('other gateways keep changing what is remembered of the sign-in')
    },
  }
}

const INSERT = `
  INSERT INTO hermes.keeper_memory (id, version, record) VALUES ($1, $2, $3::jsonb)
  ON CONFLICT (id) DO NOTHING RETURNING id`

const UPDATE = `
  UPDATE hermes.keeper_memory SET version = $2, record = $3::jsonb
  WHERE id = $1 AND version = $2 - 1 RETURNING id`
