import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { AnthropicConfig } from '@anthropic-ai/sdk/core/credentials'
import { MAX_WAIT_MS } from '../credentials/keeper/refresh-policy.ts'
import type { Generation, RefreshOutcome } from '../credentials/sign-in.ts'
import { profileGeneration, type ProfileAccess } from '../credentials/sources/profile.ts'
import { judgeTokenAnswer } from '../oauth/token-answer.ts'
import { readAnswer, type TokenAnswer } from '../oauth/token-request.ts'
import { SECOND, type Clock } from '../support/clock.ts'
import type { CredentialReason } from '../support/errors.ts'
import { isObject } from '../support/private-file.ts'
import { Secret } from '../support/secret.ts'

export interface ProfileOptions {
  /** The address that mints tokens, where the profile names none. */
  readonly baseUrl: string
  readonly userAgent: string
  /** The profile's name as the environment has it; null = the active one. */
  readonly profile: string | null
  readonly clock: Clock
  /** How long a token request may take, body included; `MAX_WAIT_MS` outside tests. */
  readonly limitMs?: number
}

/**
 * Profiles that `ant auth login` wrote, and Workload Identity Federation, through the
 * official SDK's own code: it reads their files and variables, and refreshes them.
 */
export function profileAccess(options: ProfileOptions): ProfileAccess {
  return {
    async find() {
      const profile = await loadProfile()
      if (profile === null) return null
      const stored = await readStored(profile.file)
      return { place: `Anthropic profile ${options.profile ?? '(active)'}`, stored }
    },
    async refresh(failed, signal) {
      try {
        const profile = await loadProfile()
        if (profile === null) return transient('absent', 'the profile is gone')
        return await refreshProfile(profile, failed, signal, options)
      } catch {
        // The tool's own text may quote its files or its server's answer.
        return transient('endpoint', 'the profile gave no token')
      }
    },
  }
}

interface Profile {
  readonly config: AnthropicConfig
  /** Where its token is stored; null = nowhere. */
  readonly file: string | null
  /** A person's sign-in, whose refresh token a request spends. A workload proves itself anew each time. */
  readonly isPersonal: boolean
}

async function loadProfile(): Promise<Profile | null> {
  // The SDK's code is loaded only where it can find something: every start looks at every source.
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

/** One request for a token, and what its answer means. */
async function refreshProfile(
  { config, file, isPersonal }: Profile,
  failed: Secret | null,
  signal: AbortSignal,
  { baseUrl, userAgent, clock, limitMs = MAX_WAIT_MS }: ProfileOptions,
): Promise<RefreshOutcome> {
  const { resolveCredentialsFromConfig } = await import('@anthropic-ai/sdk/lib/credentials/credential-chain')
  const before = await readStored(file)
  // Another sign-in that was stored while the request ran must not be overwritten by its answer.
  const isReplaced = async () => !sameToken(before, await readStored(file))
  const request = new TokenRequest(limitMs, isPersonal ? null : signal, isReplaced)
  const { provider } = resolveCredentialsFromConfig(config, {
    baseURL: baseUrl,
    fetch: request.fetch,
    userAgent,
  })
  signal.throwIfAborted()
  const given = await provider({ forceRefresh: failed !== null }).catch(() => null)
  if (request.isSuperseded) {
    const stored = await readStored(file)
    return {
      kind: 'superseded',
      stored: stored ? { kind: 'present', generation: stored } : { kind: 'absent' },
    }
  }
  const now = clock.now()
  if (request.answer === null) {
    if (given === null) return transient('endpoint', 'the profile gave no token')
    const expiresAt = given.expiresAt === null ? null : given.expiresAt * SECOND
    return { kind: 'adopted', generation: profileGeneration(new Secret(given.token), expiresAt, null) }
  }
  const verdict = judgeTokenAnswer(request.answer, now)
  switch (verdict.kind) {
    case 'issued': {
      const { accessToken, expiresInMs } = verdict.tokens
      return { kind: 'renewed', generation: profileGeneration(accessToken, now + expiresInMs, now) }
    }
    case 'dead': {
      const { reason, message } = verdict
      // A refused workload may be let in as soon as its platform gives it the next identity token.
      return isPersonal ? { kind: 'terminal', reason, message } : transient(reason, message)
    }
    case 'wrong-route':
    case 'wrong-scope':
      return transient('endpoint', verdict.message)
    case 'transient':
      return { ...verdict, ambiguous: verdict.ambiguous && isPersonal }
  }
}

/** The connection that the SDK's code gets: it has a time limit, and what came back can be judged here. */
class TokenRequest {
  answer: TokenAnswer | null = null
  /** A token came, and another sign-in had been stored meanwhile: it belongs to nobody. */
  isSuperseded = false
  readonly #limitMs: number
  readonly #signal: AbortSignal | null
  readonly #isReplaced: () => Promise<boolean>

  /** @param signal ends the request; null = what it sends is single use, so it is carried through */
  constructor(limitMs: number, signal: AbortSignal | null, isReplaced: () => Promise<boolean>) {
    this.#limitMs = limitMs
    this.#signal = signal
    this.#isReplaced = isReplaced
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const limit = AbortSignal.timeout(this.#limitMs)
    const signal = this.#signal ? AbortSignal.any([limit, this.#signal]) : limit
    this.answer = await readAnswer(() => fetch(input, { ...init, redirect: 'manual', signal }), signal)
    if (this.answer.kind !== 'answer') throw new Error(this.answer.why)
    const { status, headers, body } = this.answer
    this.isSuperseded = status === OK && (await this.#isReplaced())
    if (this.isSuperseded) throw new Error('the sign-in was replaced')
    return new Response(BODILESS.has(status) ? null : body, { status, headers })
  }
}

const OK = 200
/** Statuses with which a `Response` may not be made with a body. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304])

/** The token in a credentials file; null where there is none that can be read. */
async function readStored(path: string | null): Promise<Generation | null> {
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
  const { access_token: token, expires_at: expiresAt } = value
  if (typeof token !== 'string' || token === '') return null
  const endsAt = typeof expiresAt === 'number' ? expiresAt * SECOND : null
  return profileGeneration(new Secret(token), endsAt, writtenAt)
}

/** Many times what such a file holds. */
const MAX_FILE_BYTES = 1024 * 1024

function sameToken(a: Generation | null, b: Generation | null): boolean {
  return a === null || b === null ? a === b : a.accessToken.equals(b.accessToken)
}

function transient(reason: CredentialReason, message: string): RefreshOutcome {
  return { kind: 'transient', reason, message, retryAfterMs: null, ambiguous: false }
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
