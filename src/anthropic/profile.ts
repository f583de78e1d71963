import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { AnthropicConfig } from '@anthropic-ai/sdk/core/credentials'
import { addressProblem, normalBaseUrl } from '../config/addresses.ts'
import { MAX_WAIT_MS } from '../credentials/keeper/refresh-policy.ts'
import {
  transientFailure,
  type Generation,
  type RefreshOutcome,
  type StoredSignIn,
} from '../credentials/sign-in.ts'
import { profileGeneration, type ProfileAccess } from '../credentials/sources/profile.ts'
import { parseTokenAnswer, type TokenAnswer } from '../oauth/token-answer.ts'
import { readAnswer } from '../oauth/token-endpoint.ts'
import { SECOND, type Clock } from '../support/clock.ts'
import { messageOf } from '../support/errors.ts'
import { isObject } from '../support/files/private-file.ts'
import { Secret } from '../support/secret.ts'
import { ProfileLock } from './profile-lock.ts'

export interface ProfileOptions {
  /** The address that mints tokens, where the profile names none. */
  readonly baseUrl: string
  /** Requests go to the address that the profile names: the configuration names no other one than the default. */
  readonly usesProfileAddress: boolean
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
      const { config, file, isPersonal } = profile
      const stored = await readStoredToken(file)
      const { authentication } = config
      const canRefresh =
        authentication.type === 'user_oauth' && !!authentication.client_id && stored?.hasRefreshToken === true
      return {
        place: `Anthropic profile ${options.profile ?? '(active)'}`,
        stored: stored?.generation ?? null,
        isSignedOut: isPersonal && stored === null,
        renewable: !isPersonal || canRefresh,
        headers: await headersOf(profile, options),
        baseUrl: (options.usesProfileAddress && config.base_url) || null,
      }
    },
    async refresh(failed, signal) {
      try {
        const profile = await loadProfile()
        if (profile === null) return transientFailure('absent', 'the profile is gone')
        const { file, isPersonal } = profile
        // A workload spends nothing: no request is preferred.
        if (file === null || !isPersonal) return await refreshProfile(profile, failed, signal, options, null)
        let lock: ProfileLock | null
        try {
          lock = await ProfileLock.acquire(file, LOCK_WAIT_MS, signal)
        } catch (error) {
          if (signal.aborted) return { kind: 'busy' }
          // Where no lock can be made the next token could not be stored either.
          return { kind: 'store', message: messageOf(error) }
        }
        if (lock === null) return { kind: 'busy' }
        using held = lock
        return await refreshProfile(profile, failed, signal, options, held)
      } catch {
        // The tool's own text may quote its files or its server's answer.
        return transientFailure('endpoint', 'the profile gave no token')
      }
    },
    watch: watchProfile,
  }
}

/** The workspace of a person's profile; a workload's token is made for one. @throws where the configuration is incomplete */
async function headersOf({ config }: Profile, { baseUrl, userAgent }: ProfileOptions) {
  const { resolveCredentialsFromConfig } = await import('@anthropic-ai/sdk/lib/credentials/credential-chain')
  return resolveCredentialsFromConfig(config, { baseURL: baseUrl, fetch, userAgent }).extraHeaders
}

/** The keeper asks again, and looks between two tries whether the other program has stored its result. */
const LOCK_WAIT_MS = SECOND / 4

/** What another program has stored since then, else one request for a token and what its answer means. */
async function refreshProfile(
  { config, file, isPersonal }: Profile,
  failed: Secret | null,
  signal: AbortSignal,
  { baseUrl, userAgent, clock, limitMs = MAX_WAIT_MS }: ProfileOptions,
  lock: ProfileLock | null,
): Promise<RefreshOutcome> {
  const { resolveCredentialsFromConfig } = await import('@anthropic-ai/sdk/lib/credentials/credential-chain')
  const before = await storedIn(file)
  if (before !== null && !failed?.equals(before.accessToken) && isAlive(before, clock.now())) {
    return { kind: 'adopted', generation: before }
  }
  // Another sign-in that was stored while the request ran must not be overwritten by its answer.
  const isReplaced = async () => !sameToken(before, await storedIn(file))
  const request = new TokenRequest(limitMs, isPersonal ? null : signal, isReplaced)
  const { provider } = resolveCredentialsFromConfig(config, {
    baseURL: baseUrl,
    fetch: request.fetch,
    userAgent,
  })
  if (signal.aborted || lock?.stillOurs() === false) return { kind: 'busy' }
  // What it returns or throws is in the answer as well, and there it is whole.
  await provider({ forceRefresh: true }).catch(() => {})
  if (request.isSuperseded) return { kind: 'superseded', stored: await signInIn(file) }
  if (request.answer === null) return transientFailure('endpoint', 'the profile gave no token')
  const now = clock.now()
  const result = parseTokenAnswer(request.answer, now)
  switch (result.kind) {
    case 'issued': {
      const { accessToken, expiresInMs } = result.tokens
      return { kind: 'renewed', generation: profileGeneration(accessToken, now + expiresInMs, now) }
    }
    case 'dead': {
      const { reason, message } = result
      // A sibling may have refreshed between our reading and our asking.
      if (await isReplaced()) return { kind: 'superseded', stored: await signInIn(file) }
      // A refused workload may be accepted as soon as its platform gives it the next identity token.
      return isPersonal ? { kind: 'terminal', reason, message } : transientFailure(reason, message)
    }
    case 'wrong-route':
    case 'wrong-scope':
      return transientFailure('endpoint', result.message)
    case 'transient':
      return { ...result, ambiguous: result.ambiguous && isPersonal }
  }
}

/** The connection that the SDK's code gets: it has a time limit, and what came back can be judged here. */
class TokenRequest {
  answer: TokenAnswer | null = null
  /** A token came, and another sign-in had been stored by then: the token is discarded. */
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

async function storedIn(file: string | null): Promise<Generation | null> {
  return (await readStoredToken(file))?.generation ?? null
}

async function signInIn(file: string | null): Promise<StoredSignIn> {
  const generation = await storedIn(file)
  return generation ? { kind: 'present', generation } : { kind: 'absent' }
}

function isAlive({ expiresAt }: Generation, now: number): boolean {
  return expiresAt === null || expiresAt > now
}

function sameToken(a: Generation | null, b: Generation | null): boolean {
  return a === null || b === null ? a === b : a.accessToken.equals(b.accessToken)
}

interface Profile {
  readonly config: AnthropicConfig
  /** Where its token is stored; null = nowhere. */
  readonly file: string | null
  /** A person's sign-in, whose refresh token a request spends. A workload proves itself again each time. */
  readonly isPersonal: boolean
}

/**
 * The profile or workload identity that the SDK would use; null = nothing is configured.
 *
 * @throws what the SDK throws; for an address to which no credential may go
 */
async function loadProfile(): Promise<Profile | null> {
  // The SDK's code is loaded only where it can find something: every start reads every source.
  if (!canBeFound(process.env)) return null
  const { loadConfigWithSource, getCredentialsPath } = await import('@anthropic-ai/sdk/core/credentials')
  const loaded = await loadConfigWithSource()
  if (loaded === null) return null
  const { config, fromFile } = loaded
  const problem = config.base_url ? addressProblem(config.base_url) : null
  if (problem !== null) throw new Error(`its base_url is not used: ${problem}`)
  // An identity of the environment is cached in no file: its variables may change.
  const named = config.authentication.credentials_path
  const file = named || (fromFile ? await getCredentialsPath(config) : null)
  return {
    config: {
      ...config,
      ...(config.base_url ? { base_url: normalBaseUrl(config.base_url) } : {}),
      authentication: { ...config.authentication, ...(file ? { credentials_path: file } : {}) },
    },
    file,
    isPersonal: config.authentication.type === 'user_oauth',
  }
}

interface StoredToken {
  readonly generation: Generation
  readonly hasRefreshToken: boolean
}

/** The token in a credentials file; null where there is none that can be read. */
async function readStoredToken(path: string | null): Promise<StoredToken | null> {
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
function watchProfile(listener: () => void): Disposable {
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
