import { dirname } from 'node:path'
import { credentialProbe } from '../../anthropic/credential-probe.ts'
import { profileAccess } from '../../anthropic/profile.ts'
import { resolveHome } from '../../config/home/home.ts'
import { applyNetworkSettings } from '../../config/network.ts'
import { DEFAULT_BASE_URL } from '../../config/sections/model.ts'
import { loadSettings, sandboxSettings, type Settings } from '../../config/settings.ts'
import { assembleCredentials, type CredentialParts } from '../../credentials/assemble.ts'
import { signInPlace } from '../../storage/sign-in-place.ts'
import { systemClock } from '../../support/clock.ts'
import type { Log } from '../../support/log.ts'
import { findRunning } from '../client/gateway-api.ts'
import type { GlobalOptions } from '../command.ts'
import { printError } from '../terminal/output.ts'

/**
 * Runs `work` with the credential of a home as its gateway would load it, including the stored refresh
 * state. Starts nothing and makes no request.
 *
 * @throws ConfigurationError; StoreError if the sign-in is in a database that does not answer
 */
export async function withCredentials<T>(
  options: GlobalOptions,
  work: (parts: CredentialParts) => Promise<T>,
): Promise<T> {
  const parts = await openCredentials(options)
  try {
    await parts.keeper.load()
    return await work(parts)
  } finally {
    await parts.close()
  }
}

async function openCredentials(options: GlobalOptions): Promise<CredentialParts> {
  const settings = await readSettingsOf(options)
  for (const problem of settings.problems) printError(problem)
  applyNetworkSettings(settings.environment.network, {
    extraCaCertsLoaded: process.env['NODE_EXTRA_CA_CERTS'] !== undefined,
  })
  return credentialsOf(settings, process.env)
}

/**
 * The credential of these settings as their gateway would assemble it. Nothing is read yet.
 *
 * @throws ConfigurationError; StoreError where the sign-in lives in a database that does not answer
 */
export function credentialsOf(
  settings: Settings,
  processEnv: Readonly<NodeJS.ProcessEnv>,
  log?: Log,
): Promise<CredentialParts> {
  const { config } = settings
  const provider = {
    baseUrl: config.model.baseUrl,
    userAgent: config.auth.oauth.userAgent,
    headers: {},
    clock: systemClock,
  }
  return assembleCredentials({
    settings,
    processEnv,
    // As the gateway has it: what it will do automatically is a part of the state.
    probe: credentialProbe(provider),
    openPlace: signInPlace(settings, log),
    profile: profileAccess({
      ...provider,
      usesProfileAddress: provider.baseUrl === DEFAULT_BASE_URL,
      profile: processEnv['ANTHROPIC_PROFILE'] ?? null,
    }),
    ...(log ? { log } : {}),
  })
}

/** The home of a running sandbox is read with the sandbox's settings: its tokens are valid only there. */
async function readSettingsOf({ home }: GlobalOptions): Promise<Settings> {
  const folder = resolveHome(home, process.env)
  const sandbox = (await findRunning(folder))?.sandbox
  return sandbox
    ? sandboxSettings({ home: dirname(folder), processEnv: process.env, baseUrl: sandbox })
    : loadSettings({ home, processEnv: process.env, lenient: true })
}
