import { join } from 'node:path'
import type { HomePaths } from '../../config/home/home.ts'
import type { TokenEndpoint } from '../../oauth/token-endpoint.ts'
import type { Clock } from '../../support/clock.ts'
import { machineId } from '../../support/machine.ts'
import { memoryFile } from '../keeper/persistent-record.ts'
import type { OwnPlace } from './own-sign-ins.ts'
import { OwnStore } from './own-store.ts'

/** What a place of own sign-ins is opened with. */
export interface OwnPlaceParts {
  readonly endpoint: TokenEndpoint
  readonly clock: Clock
  readonly onWarning: (message: string) => void
}

/** What the keeper remembers between two runs, inside the home. */
const MEMORY_FILE = 'refresh-state.json'

/** The files of a home. */
export function ownFiles(paths: HomePaths, parts: OwnPlaceParts): OwnPlace {
  return {
    name: paths.credentials,
    signIns: new OwnStore({ path: paths.credentials, machineId: machineId(paths.home), ...parts }),
    memory: memoryFile(join(paths.home, MEMORY_FILE)),
    close: async () => {},
  }
}
