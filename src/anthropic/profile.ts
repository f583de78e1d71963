import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { ProfileAccess } from '../credentials/sources/profile.ts'
import { SECOND } from '../support/clock.ts'

export interface ProfileOptions {
  /** The address that mints tokens, where the profile names none. */
  readonly baseUrl: string
  readonly userAgent: string
  /** The profile's name as the environment has it; null = the active one. */
  readonly profile: string | null
}

/**
 * Profiles that `ant auth login` wrote, and Workload Identity Federation, through the
 * official SDK's own code: it reads their files and variables, and refreshes them.
 */
export function profileAccess(options: ProfileOptions): ProfileAccess {
  return {
    async find() {
      const found = await resolve(options)
      return found && { place: `Anthropic profile ${options.profile ?? '(active)'}` }
    },
    async token(again) {
      const found = await resolve(options)
      if (found === null) throw new Error('the profile is gone')
      const { token, expiresAt } = await found.provider({ forceRefresh: again })
      return { token, expiresAt: expiresAt === null ? null : expiresAt * SECOND }
    },
  }
}

async function resolve({ baseUrl, userAgent }: ProfileOptions) {
  // Every start checks every source, so the SDK's code is loaded only where it can find something.
  if (!canBeFound(process.env)) return null
  const { defaultCredentials } = await import('@anthropic-ai/sdk/lib/credentials/credential-chain')
  return defaultCredentials({ baseURL: baseUrl, fetch, userAgent })
}

/** What the SDK's own search begins with: a variable that names a profile or an identity, or the folder of profiles. */
function canBeFound(env: NodeJS.ProcessEnv): boolean {
  if (NAMING_VARIABLES.some((name) => env[name])) return true
  const folder =
    env['ANTHROPIC_CONFIG_DIR'] || join(env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'anthropic')
  return existsSync(folder)
}

const NAMING_VARIABLES = [
  'ANTHROPIC_PROFILE',
  'ANTHROPIC_IDENTITY_TOKEN',
  'ANTHROPIC_IDENTITY_TOKEN_FILE',
  'ANTHROPIC_FEDERATION_RULE_ID',
] as const
