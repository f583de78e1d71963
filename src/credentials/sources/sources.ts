import { messageOf, type CredentialReason } from '../../support/errors.ts'
import type { Secret } from '../../support/secret.ts'
import { isSandboxToken, tokenShapeProblem } from '../../support/text/token-shape.ts'
import { managedCredential, staticCredential, type CredentialKind, type SourceName } from '../credential.ts'
import type { OwnContent } from '../own/own-document.ts'
import type { OwnSignIns } from '../own/own-sign-ins.ts'
import type { RefreshableSignIn, StoredSignIn } from '../sign-in.ts'
import {
  absentSource,
  NOTHING_TO_WATCH,
  SANDBOX_TOKEN_REFUSED,
  type CredentialSource,
  type SourceReading,
} from './decision.ts'

export interface OwnSourceOptions {
  /** The path or the database, for people. */
  readonly place: string
  readonly signIns: Pick<OwnSignIns, 'current' | keyof RefreshableSignIn>
  readonly allowSandboxTokens: boolean
}

/** What a person signed in with, here, for this gateway. */
export function ownSource({ signIns, ...options }: OwnSourceOptions): CredentialSource {
  return storedSource({
    ...options,
    source: 'own',
    signIn: signIns,
    read: () => signIns.current(),
    borrowed: false,
    // A person chose this sign-in: another account's credential never takes over silently.
    chainGoesOn: false,
  })
}

export interface ClaudeCodeSourceOptions {
  /** The path, for people. */
  readonly place: string
  readonly signIn: RefreshableSignIn
  readonly adopt: 'auto' | boolean
}

/**
 * Claude Code's sign-in, borrowed: it belongs to another program. Whether `auto` adopts
 * it depends on the other sources and is decided where all of them are seen.
 */
export function claudeCodeSource({ place, signIn, adopt }: ClaudeCodeSourceOptions): CredentialSource {
  const source = 'claude-code'
  if (adopt === false) return absentSource(source, place, 'not looked at: auth.adopt_claude_code is false')
  return storedSource({
    source,
    place,
    signIn,
    read: () => signIn.read(),
    borrowed: true,
    allowSandboxTokens: false,
    chainGoesOn: true,
  })
}

interface StoredSourceOptions {
  readonly source: SourceName
  readonly place: string
  readonly signIn: RefreshableSignIn
  readonly read: () => Promise<StoredSignIn | OwnContent>
  readonly borrowed: boolean
  readonly allowSandboxTokens: boolean
  /** Where it is broken, may a later source be used instead? */
  readonly chainGoesOn: boolean
}

/** A sign-in that is in a store. */
function storedSource(options: StoredSourceOptions): CredentialSource {
  return {
    name: options.source,
    async read() {
      try {
        return [readingOf(await options.read(), options)]
      } catch (error) {
        return [unusable(options, options.borrowed ? 'oauth' : null, 'store', messageOf(error))]
      }
    },
    watch: (listener) => options.signIn.watch(listener),
  }
}

function readingOf(stored: StoredSignIn | OwnContent, options: StoredSourceOptions): SourceReading {
  const { source, place, signIn, borrowed } = options
  const isRefused = (token: Secret) => !options.allowSandboxTokens && isSandboxToken(token.reveal())
  switch (stored.kind) {
    case 'absent':
      return { source, place, kind: 'absent', message: 'not found' }
    case 'unusable':
      return unusable(options, 'oauth', stored.reason, stored.message)
    case 'api-key':
      if (isRefused(stored.key)) return unusable(options, null, 'absent', SANDBOX_TOKEN_REFUSED, true)
      return { source, place, kind: 'present', credential: staticCredential('api-key', source, stored.key) }
    case 'oauth':
    case 'present': {
      const { generation } = stored
      if (isRefused(generation.accessToken))
        return unusable(options, 'oauth', 'absent', SANDBOX_TOKEN_REFUSED, true)
      const credential = managedCredential(generation, { kind: 'oauth', source, signIn, borrowed })
      return { source, place, kind: 'present', credential }
    }
  }
}

function unusable(
  { source, place, chainGoesOn }: StoredSourceOptions,
  credentialKind: CredentialKind | null,
  reason: CredentialReason,
  message: string,
  misconfigured = false,
): SourceReading {
  return { source, place, kind: 'unusable', credentialKind, reason, message, misconfigured, chainGoesOn }
}

/** The variables that may hold a credential, in order of precedence. */
const CREDENTIAL_VARIABLES = [
  'ANTHROPIC_AUTH_TOKEN',
  'ANTHROPIC_TOKEN',
  'CLAUDE_CODE_OAUTH_TOKEN',
  'ANTHROPIC_API_KEY',
] as const
type CredentialVariable = (typeof CREDENTIAL_VARIABLES)[number]

/** What the process environment and `.env` say at the moment; undefined or null = not set. */
export type CredentialVariables = Readonly<Partial<Record<CredentialVariable, Secret | null>>>

export interface EnvironmentSourceOptions {
  /** Reads them again: `.env` may have changed. */
  readonly read: () => CredentialVariables | Promise<CredentialVariables>
  /** Calls `listener` within 5 s after `read` may give something else. */
  readonly watch?: (listener: () => void) => Disposable
  readonly allowSandboxTokens: boolean
}

/** Tokens and keys of the environment: static, used as they are. */
export function environmentSource(options: EnvironmentSourceOptions): CredentialSource {
  return {
    name: 'environment',
    async read() {
      let variables: CredentialVariables
      try {
        variables = await options.read()
      } catch {
        return [unusableVariable('.env', 'cannot be read', false)]
      }
      return CREDENTIAL_VARIABLES.map((name) =>
        readVariable(name, variables[name] ?? null, options.allowSandboxTokens),
      )
    },
    watch: (listener) => options.watch?.(listener) ?? NOTHING_TO_WATCH,
  }
}

function readVariable(
  name: CredentialVariable,
  value: Secret | null,
  allowSandboxTokens: boolean,
): SourceReading {
  if (value === null) {
    return { source: 'environment', place: name, kind: 'absent', message: 'not set' }
  }
  const text = value.reveal()
  const problem = tokenShapeProblem(text)
  if (problem !== null) return unusableVariable(name, problem, true)
  if (!allowSandboxTokens && isSandboxToken(text)) return unusableVariable(name, SANDBOX_TOKEN_REFUSED, true)
  // Many put an OAuth token where an API key belongs, and keys of proxies have no known prefix.
  const isKey = name === 'ANTHROPIC_API_KEY' ? !OAUTH_TOKEN.test(text) : API_KEY.test(text)
  const credential = staticCredential(isKey ? 'api-key' : 'oauth', 'environment', value)
  return { source: 'environment', place: name, kind: 'present', credential }
}

const OAUTH_TOKEN = /^sk-ant-oat/
const API_KEY = /^sk-ant-api/

function unusableVariable(place: string, message: string, misconfigured: boolean): SourceReading {
  return {
    source: 'environment',
    place,
    kind: 'unusable',
    credentialKind: null,
    reason: 'absent',
    message,
    misconfigured,
    // What a person configured and mistyped is corrected, not passed over.
    chainGoesOn: false,
  }
}
