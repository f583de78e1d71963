import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { applyNetworkSettings } from '../../config/network.ts'
import { readSettings, type Settings } from '../../config/settings.ts'
import { inspectSecretFile } from '../../support/secret-file.ts'
import { findRunning, type RunningGateway } from '../client/running.ts'
import { checkCredential } from '../doctor/check-credential.ts'
import type { Files } from './plan.ts'

/** What is there before anything is asked. */
export interface Found {
  readonly settings: Settings
  readonly files: Files
  /** The home is there. */
  readonly homeExists: boolean
  /** The credential that a gateway would use, in words; null = none. */
  readonly credential: string | null
  /** Claude Code's sign-in file on this machine; null = there is none. */
  readonly claudeCode: string | null
  readonly running: RunningGateway | null
}

/** @throws ConfigurationError when what is there cannot be read: a wizard must not write over it */
export async function lookAround(
  home: string | undefined,
  processEnv: Readonly<NodeJS.ProcessEnv>,
): Promise<Found> {
  const settings = await readSettings({ home, processEnv, lenient: true })
  const { paths, environment } = settings
  applyNetworkSettings(environment.network, {
    extraCaCertsLoaded: processEnv['NODE_EXTRA_CA_CERTS'] !== undefined,
  })
  const configDir = environment.claudeConfigDir ?? join(processEnv['HOME'] || homedir(), '.claude')
  const claudeCode = join(configDir, '.credentials.json')
  const homeExists = existsSync(paths.home)
  return {
    settings,
    files: { config: await textOf(paths.config), env: await textOf(paths.env) },
    homeExists,
    credential: homeExists ? await credentialInUse(settings, processEnv) : null,
    claudeCode: inspectSecretFile(claudeCode, { lookOnly: true }).kind === 'fine' ? claudeCode : null,
    running: await findRunning(paths.home),
  }
}

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}

async function credentialInUse(
  settings: Settings,
  processEnv: Readonly<NodeJS.ProcessEnv>,
): Promise<string | null> {
  const { status } = await checkCredential(settings, processEnv)
  if (status === null || status.fingerprint === null) return null
  return `${status.kind} from ${status.source} (${status.fingerprint}), ${status.state}`
}
