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
 * official SDK's own code: it reads their files and variables, and renews them.
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
  // Loaded only where a profile is asked for: every command looks at the sources.
  const { defaultCredentials } = await import('@anthropic-ai/sdk/lib/credentials/credential-chain')
  return defaultCredentials({ baseURL: baseUrl, fetch, userAgent })
}
