import { dirname } from 'node:path'
import { profileAccess } from '../anthropic/profile.ts'
import { applyNetworkSettings } from '../config/network.ts'
import { resolveHome } from '../config/home.ts'
import { loadSettings, sandboxSettings, type Settings } from '../config/settings.ts'
import { assembleCredentials, type CredentialParts } from '../credentials/assemble.ts'
import { printError } from './output.ts'
import type { GlobalOptions } from './program.ts'
import { findRunning } from './running.ts'

/**
 * The credential of a home as its gateway would see it, with what that gateway
 * remembers. Nothing is started and no request made.
 *
 * @throws ConfigurationError
 */
export async function loadCredentials(options: GlobalOptions): Promise<CredentialParts> {
  const settings = await settingsOf(options)
  for (const problem of settings.problems) printError(problem)
  applyNetworkSettings(settings.environment.network, {
    extraCaCertsLoaded: process.env['NODE_EXTRA_CA_CERTS'] !== undefined,
  })
  const { config } = settings
  const parts = assembleCredentials({
    settings,
    processEnv: process.env,
    probe: null,
    profile: profileAccess({
      baseUrl: config.model.baseUrl,
      userAgent: config.auth.oauth.userAgent,
      profile: process.env['ANTHROPIC_PROFILE'] ?? null,
    }),
  })
  await parts.keeper.load()
  return parts
}

/** A running sandbox's home is read as the sandbox reads it: its tokens are good there and nowhere else. */
async function settingsOf({ home }: GlobalOptions): Promise<Settings> {
  const folder = resolveHome(home, process.env)
  const sandbox = (await findRunning(folder))?.sandbox
  return sandbox
    ? sandboxSettings({ home: dirname(folder), processEnv: process.env, baseUrl: sandbox })
    : loadSettings({ home, processEnv: process.env, lenient: true })
}
