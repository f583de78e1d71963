import { profileAccess } from '../anthropic/profile.ts'
import { applyNetworkSettings } from '../config/network.ts'
import { loadSettings } from '../config/settings.ts'
import { assembleCredentials, type CredentialParts } from '../credentials/assemble.ts'
import { printError } from './output.ts'
import type { GlobalOptions } from './program.ts'

/**
 * The credential of a home as its gateway would see it, with what that gateway
 * remembers. Nothing is started and no request made.
 *
 * @throws ConfigurationError
 */
export async function loadCredentials(options: GlobalOptions): Promise<CredentialParts> {
  const settings = await loadSettings({ home: options.home, processEnv: process.env, lenient: true })
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
