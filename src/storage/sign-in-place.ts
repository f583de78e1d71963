import type { Settings } from '../config/settings.ts'
import type { OwnPlace, OwnPlaceParts } from '../credentials/own/own-sign-ins.ts'
import { ownFiles } from '../credentials/own/own-store.ts'
import { createLog, type Log } from '../support/log.ts'

/**
 * Opens the store of our own sign-ins for these settings; undefined = they are in the home's files. The
 * code for PostgreSQL is loaded only where it is used.
 */
export function signInPlace(
  { config, environment, paths }: Settings,
  log?: Log,
): ((parts: OwnPlaceParts) => Promise<OwnPlace>) | undefined {
  const { storage } = config
  if (storage.kind !== 'postgres') return undefined
  return async (parts) => {
    // Never used together with the database: two copies of a single-use token destroy each other.
    const inFile = await ownFiles(paths, parts).signIns.list()
    if (inFile.length > 0) {
      parts.onWarning(
        `${paths.credentials} holds a sign-in that is not used with PostgreSQL: \`hermes storage copy\` moves it there.`,
      )
    }
    const { openSharedPlace } = await import('./postgres/credential/shared-place.ts')
    return openSharedPlace(
      {
        url: storage.url,
        keys: { variable: environment.secretKey, file: storage.secretKeyFile },
        log: log ?? (await createLog({ level: 'error' })),
      },
      parts,
    )
  }
}
