import { statSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Variables } from '../../config/environment/dotenv.ts'
import { homePaths, resolveHome } from '../../config/home/home.ts'
import { PACKAGE_ROOT } from '../../support/package.ts'
import { fingerprint } from '../../support/secret.ts'
import type { UnitOptions } from './unit.ts'

/** The service of one home: its manager, name and file. */
export interface ServiceDefinition {
  readonly manager: 'systemd' | 'launchd'
  readonly system: boolean
  /** `hermes-gateway.service`, or the label of the job on macOS. */
  readonly name: string
  /** The file that `install` writes. */
  readonly file: string
  readonly home: string
  readonly unit: UnitOptions
  /** The log file of a launchd job; systemd uses the journal. */
  readonly log: string
}

export interface DefinitionOptions {
  readonly home: string | undefined
  readonly system: boolean
  readonly processEnv: Variables
  readonly platform?: NodeJS.Platform
}

/** The folder for units of the local administrator. */
const SYSTEM_UNITS = '/etc/systemd/system'

/** null: this system has neither systemd nor launchd. */
export function serviceDefinition(options: DefinitionOptions): ServiceDefinition | null {
  const { system, processEnv, platform = process.platform } = options
  if (platform !== 'linux' && platform !== 'darwin') return null
  const home = resolveHome(options.home, processEnv)
  const person = processEnv['HOME'] || homedir()
  const unit: UnitOptions = {
    node: process.execPath,
    program: fileURLToPath(new URL('bin/hermes.js', PACKAGE_ROOT)),
    home,
    user: system ? serviceUser(home, processEnv) : null,
  }
  // Each home has a separate service; the default home has the plain name.
  const suffix = home === join(person, '.hermes') ? '' : `-${fingerprint(home)}`
  const log = join(home, 'gateway.log')
  if (platform === 'linux') {
    const name = `hermes-gateway${suffix}.service`
    const folder = system
      ? SYSTEM_UNITS
      : join(processEnv['XDG_CONFIG_HOME'] || join(person, '.config'), 'systemd', 'user')
    return { manager: 'systemd', system, name, file: join(folder, name), home, unit, log }
  }
  const label = `hermes-gateway${suffix}`
  const folder = system ? '/Library/LaunchDaemons' : join(person, 'Library', 'LaunchAgents')
  return { manager: 'launchd', system, name: label, file: join(folder, `${label}.plist`), home, unit, log }
}

/** A system service runs as the owner of the home, or as the user who called sudo. */
function serviceUser(home: string, processEnv: Variables): string {
  const caller = processEnv['SUDO_USER'] || userInfo().username
  try {
    const { uid } = statSync(homePaths(home).home)
    if (uid === process.getuid?.()) return userInfo().username
    // systemd also accepts a numeric ID.
    return uid === Number(processEnv['SUDO_UID']) ? caller : String(uid)
  } catch {
    return caller
  }
}
