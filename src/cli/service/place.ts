import { statSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Variables } from '../../config/environment/dotenv.ts'
import { homePaths, resolveHome } from '../../config/home/home.ts'
import { PACKAGE_ROOT } from '../../support/package.ts'
import { fingerprint } from '../../support/secret.ts'
import type { UnitOptions } from './unit.ts'

/** Where the service of one home stands, and as what. */
export interface ServicePlace {
  readonly manager: 'systemd' | 'launchd'
  readonly system: boolean
  /** `hermes-gateway.service`, or the job's label on macOS. */
  readonly name: string
  /** The file that `install` writes. */
  readonly file: string
  readonly home: string
  readonly unit: UnitOptions
  /** launchd's log of the job; systemd keeps its own. */
  readonly log: string
}

export interface PlaceOptions {
  readonly home: string | undefined
  readonly system: boolean
  readonly processEnv: Variables
  readonly platform?: NodeJS.Platform
}

/** The folder of units that an administrator writes. */
const SYSTEM_UNITS = '/etc/systemd/system'

/** null: this system has neither systemd nor launchd. */
export function servicePlace(options: PlaceOptions): ServicePlace | null {
  const { system, processEnv, platform = process.platform } = options
  if (platform !== 'linux' && platform !== 'darwin') return null
  const home = resolveHome(options.home, processEnv)
  const person = processEnv['HOME'] || homedir()
  const unit: UnitOptions = {
    node: process.execPath,
    program: fileURLToPath(new URL('bin/hermes.js', PACKAGE_ROOT)),
    home,
    user: system ? ownerOf(home, processEnv) : null,
  }
  // Each home has a service of its own; the usual one has the plain name.
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

/** A service of the machine runs as whoever the home belongs to, or whoever asked for it through sudo. */
function ownerOf(home: string, processEnv: Variables): string {
  const asked = processEnv['SUDO_USER'] || userInfo().username
  try {
    const { uid } = statSync(homePaths(home).home)
    if (uid === process.getuid?.()) return userInfo().username
    // systemd takes a number as well.
    return uid === Number(processEnv['SUDO_UID']) ? asked : String(uid)
  } catch {
    return asked
  }
}
