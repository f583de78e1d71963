import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { AnthropicConfig } from '@anthropic-ai/sdk/core/credentials'
import type { Generation } from '../credentials/sign-in.ts'
import { profileGeneration } from '../credentials/sources/profile.ts'
import { SECOND } from '../support/clock.ts'
import { isObject } from '../support/files/private-file.ts'
import { Secret } from '../support/secret.ts'

export interface Profile {
  readonly config: AnthropicConfig
  /** Where its token is stored; null = nowhere. */
  readonly file: string | null
  /** A person's sign-in, whose refresh token a request spends. A workload proves itself again each time. */
  readonly isPersonal: boolean
}

/** The profile or workload identity that the SDK would use; null = nothing is configured. @throws what the SDK throws */
export async function loadProfile(): Promise<Profile | null> {
  // The SDK's code is loaded only where it can find something: every start reads every source.
  if (!canBeFound(process.env)) return null
  const { loadConfigWithSource, getCredentialsPath } = await import('@anthropic-ai/sdk/core/credentials')
  const loaded = await loadConfigWithSource()
  if (loaded === null) return null
  const { config, fromFile } = loaded
  // An identity of the environment is cached in no file: its variables may change.
  const named = config.authentication.credentials_path
  const file = named || (fromFile ? await getCredentialsPath(config) : null)
  return {
    config: {
      ...config,
      authentication: { ...config.authentication, ...(file ? { credentials_path: file } : {}) },
    },
    file,
    isPersonal: config.authentication.type === 'user_oauth',
  }
}

export interface StoredToken {
  readonly generation: Generation
  readonly hasRefreshToken: boolean
}

/** The token in a credentials file; null where there is none that can be read. */
export async function readStoredToken(path: string | null): Promise<StoredToken | null> {
  if (path === null) return null
  let value: unknown
  let writtenAt: number
  try {
    const { mtimeMs, size } = await stat(path)
    if (size > MAX_FILE_BYTES) return null
    writtenAt = Math.floor(mtimeMs)
    value = JSON.parse(await readFile(path, 'utf8'))
  } catch {
    return null
  }
  if (!isObject(value)) return null
  const { access_token: token, expires_at: expiresAt, refresh_token: refreshToken } = value
  if (typeof token !== 'string' || token === '') return null
  const endsAt = typeof expiresAt === 'number' ? expiresAt * SECOND : null
  return {
    generation: profileGeneration(new Secret(token), endsAt, writtenAt),
    hasRefreshToken: typeof refreshToken === 'string' && refreshToken !== '',
  }
}

/** Many times what such a file holds. */
const MAX_FILE_BYTES = 1024 * 1024

/** Often enough for a sign-in to be seen within 5 s; the files may lie in folders that do not exist yet. */
const POLL_MS = 2 * SECOND

/** Calls `listener` once soon, and after any of the files that make a profile has changed. */
export function watchProfile(listener: () => void): Disposable {
  let seen: string | undefined
  let closed = false
  const check = async () => {
    const now = await signature()
    if (closed || now === seen) return
    // What changes after this is seen next time; what changed since the caller read is told now.
    seen = now
    listener()
  }
  void check()
  const poll = setInterval(() => void check(), POLL_MS).unref()
  return {
    [Symbol.dispose]() {
      closed = true
      clearInterval(poll)
    },
  }
}

async function signature(): Promise<string> {
  const paths = await filesOfProfile()
  const marks = paths.map(async (path) => {
    const found = await stat(path).catch(() => null)
    return found ? `${path}:${found.ino}:${found.size}:${found.mtimeMs}:${found.ctimeMs}` : path
  })
  return (await Promise.all(marks)).join('\n')
}

/** Which profile is active, what it says, and the token that it has. */
async function filesOfProfile(): Promise<string[]> {
  const { env } = process
  const active = join(folderOf(env), 'active_config')
  const named = env['ANTHROPIC_PROFILE'] || (await readFile(active, 'utf8').catch(() => '')).trim()
  const config = join(folderOf(env), 'configs', `${named || 'default'}.json`)
  const profile = await loadProfile().catch(() => null)
  return [active, config, ...(profile?.file ? [profile.file] : [])]
}

/** What the SDK's own search begins with: a variable that names a profile or an identity, or the folder of profiles. */
function canBeFound(env: NodeJS.ProcessEnv): boolean {
  return NAMING_VARIABLES.some((name) => env[name]) || existsSync(folderOf(env))
}

function folderOf(env: NodeJS.ProcessEnv): string {
  return (
    env['ANTHROPIC_CONFIG_DIR'] || join(env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'anthropic')
  )
}

const NAMING_VARIABLES = [
  'ANTHROPIC_PROFILE',
  'ANTHROPIC_IDENTITY_TOKEN',
  'ANTHROPIC_IDENTITY_TOKEN_FILE',
  'ANTHROPIC_FEDERATION_RULE_ID',
] as const
