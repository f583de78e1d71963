import { isSandboxToken } from '../../support/sandbox-mark.ts'
import type { Secret } from '../../support/secret.ts'
import { tokenShapeProblem } from '../../support/text/token-shape.ts'
import { staticCredential } from '../managed-credential.ts'
import {
  SANDBOX_TOKEN_REFUSED,
  NOTHING_TO_WATCH,
  type CredentialSource,
  type SourceReading,
} from './source.ts'

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
        return [unusable('.env', 'cannot be read', false)]
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
  if (problem !== null) return unusable(name, problem, true)
  if (!allowSandboxTokens && isSandboxToken(text)) return unusable(name, SANDBOX_TOKEN_REFUSED, true)
  // Many put an OAuth token where an API key belongs, and keys of proxies have no known prefix.
  const isKey = name === 'ANTHROPIC_API_KEY' ? !OAUTH_TOKEN.test(text) : API_KEY.test(text)
  const credential = staticCredential(isKey ? 'api-key' : 'oauth', 'environment', value)
  return { source: 'environment', place: name, kind: 'present', credential }
}

const OAUTH_TOKEN = /^sk-ant-oat/
const API_KEY = /^sk-ant-api/

function unusable(place: string, message: string, misconfigured: boolean): SourceReading {
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
