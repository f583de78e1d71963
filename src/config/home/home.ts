import { chmodSync, mkdirSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { ConfigurationError } from '../../support/errors.ts'
import { inspectSecretFile } from '../../support/files/secret-file.ts'
import type { Variables } from '../environment/dotenv.ts'
import { networkFileSystem } from './filesystem.ts'

/** The paths of everything the gateway stores. */
export interface HomePaths {
  readonly home: string
  readonly config: string
  readonly env: string
  readonly credentials: string
  readonly database: string
  readonly soul: string
  readonly gatewayToken: string
  /** The provider's list of models, for a start without it. */
  readonly models: string
}

/** Nobody else may list the folder. */
const HOME_MODE = 0o700

/** The home folder: `--home`, else `HERMES_HOME`, else `~/.hermes`. Absolute. */
export function resolveHome(flag: string | undefined, processEnv: Variables): string {
  return resolve(flag || processEnv['HERMES_HOME'] || join(processEnv['HOME'] || homedir(), '.hermes'))
}

/** The sandbox's own home, so that nothing real is touched. */
export function sandboxHome(home: string): string {
  return join(home, 'sandbox')
}

export function homePaths(home: string): HomePaths {
  return {
    home,
    config: join(home, 'config.yaml'),
    env: join(home, '.env'),
    credentials: join(home, 'credentials.json'),
    database: join(home, 'hermes.db'),
    soul: join(home, 'SOUL.md'),
    gatewayToken: join(home, 'gateway.token'),
    models: join(home, 'models.json'),
  }
}

/**
 * Creates the home if it is missing, and checks that it is safe for secrets and a
 * database. What can be fixed is fixed and reported in a warning.
 *
 * @param networkKind the name of a network file system at a path, or null; replaced in tests
 * @throws ConfigurationError with the reason: network file system, not a folder,
 *   another owner, a file with secrets that is none or is not ours
 */
export function prepareHome(
  home: string,
  networkKind: (path: string) => string | null = networkFileSystem,
): { readonly paths: HomePaths; readonly warnings: readonly string[] } {
  const network = networkKind(home)
  if (network !== null) {
    throw new ConfigurationError(
      `${home} is on a network file system (${network}). Locks and durable writes cannot be relied on there: messages and sign-ins would be lost. Choose a folder on a local disk with --home or HERMES_HOME.`,
    )
  }
  try {
    mkdirSync(home, { recursive: true, mode: HOME_MODE })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new ConfigurationError(`${home} cannot be made a folder (${code}).`, { cause: error })
  }
  const paths = homePaths(home)
  return { paths, warnings: [...checkFolder(home), ...checkSecrets(paths)] }
}

function checkFolder(home: string): string[] {
  const stats = statSync(home)
  const user = process.getuid?.()
  if (user !== undefined && stats.uid !== user) {
    // Root in a container uses a folder of the host's user; for other users it is a mistake.
    if (user !== 0) {
      throw new ConfigurationError(
        `${home} belongs to another user (uid ${stats.uid}, this is ${user}), who could read and change what is in it.`,
      )
    }
    return [`${home} belongs to another user (uid ${stats.uid}), who can read and change what is in it.`]
  }
  if ((stats.mode & 0o077) === 0) return []
  const before = (stats.mode & 0o777).toString(8).padStart(4, '0')
  try {
    chmodSync(home, HOME_MODE)
    return [`${home} was open to others (mode ${before}); it is not any more.`]
  } catch {
    return [`${home} is open to others (mode ${before}) and cannot be changed.`]
  }
}

function checkSecrets(paths: HomePaths): string[] {
  const warnings: string[] = []
  for (const path of [paths.env, paths.gatewayToken, paths.database, paths.credentials]) {
    const state = inspectSecretFile(path, { rootMayOwn: path === paths.env })
    if (state.kind === 'fine' && state.warning !== null) warnings.push(state.warning)
    if (state.kind !== 'refused') continue
    // Without its sign-in the gateway still accepts and holds messages; the store refuses the file itself.
    if (path === paths.credentials) warnings.push(state.reason)
    else throw new ConfigurationError(state.reason)
  }
  return warnings
}
