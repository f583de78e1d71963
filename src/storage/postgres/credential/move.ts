import type { OwnStore } from '../../../credentials/own/own-store.ts'
import type { SharedSignIns } from './shared-sign-ins.ts'

/**
 * Moves the own sign-ins of a home's file into the database, where every gateway uses
 * them; the file keeps a mark and no token. Stopped at any point, it can be run again and
 * goes on: at no moment would both places be used.
 *
 * @returns false when the file had nothing to move (any more)
 * @throws StoreError
 */
export function moveSignIn(file: OwnStore, database: SharedSignIns): Promise<boolean> {
  return file.giveAway((given) => database.takeOver(given))
}
