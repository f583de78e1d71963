import type { CredentialKind, SourceName } from './credential.ts'

/** Which credential is meant: what broke, and what repairs it, depends on it. */
export interface CredentialOrigin {
  readonly kind: CredentialKind | null
  readonly source: SourceName | null
}

export const NO_CREDENTIAL: CredentialOrigin = { kind: null, source: null }

/** Whose remedy it is: a credential is repaired where it comes from. */
export type Remedy = 'sign-in' | 'api-key' | 'claude-code' | 'profile' | 'refresh-command'

/**
 * What repairs a credential that does not work any more. A key is repaired by a key and never by a
 * subscription sign-in; what another program signed in, by that program.
 */
export function remedyOf({ kind, source }: CredentialOrigin): Remedy {
  // It is used because the sign-in is dead: that one is to be repaired.
  if (source === 'fallback-api-key') return 'sign-in'
  if (kind === 'api-key') return 'api-key'
  if (source === 'claude-code' || source === 'profile' || source === 'refresh-command') return source
  return 'sign-in'
}

/** The command for each remedy, on the gateway's machine. */
export const REMEDY_COMMANDS: Readonly<Record<Remedy, string>> = {
  'sign-in': 'hermes auth login --headless',
  'api-key': 'hermes auth login --api-key',
  'claude-code': 'claude auth login',
  profile: 'ant auth login --no-browser',
  'refresh-command': 'hermes auth sources',
}

/** How the sign-in is called in a sentence about what broke. */
const NAMES: Readonly<Record<Exclude<Remedy, 'api-key'>, string>> = {
  'sign-in': 'the sign-in',
  'claude-code': "Claude Code's sign-in",
  profile: "the Anthropic profile's sign-in",
  'refresh-command': 'the sign-in of auth.refresh_command',
}

/** What is said of an API key instead, by state and reason. */
const BROKEN_KEY: Readonly<Record<string, string>> = {
  'needs-login': 'the API key was rejected',
  'needs-login/absent': 'nobody has signed in yet',
  'needs-login/other-machine': 'this home folder was copied from another machine',
  'needs-login/scope': 'the API key lacks a permission',
  'not-permitted': 'Anthropic does not permit the use of this API key',
  'not-permitted/billing': 'Anthropic has rejected this API key for a billing reason',
  'not-permitted/account': 'Anthropic has suspended the account of this API key',
}

/**
 * What broke, as the middle of a sentence. Pure.
 *
 * @param words by state and reason, or state alone; `{sign-in}` is filled in. @returns null = no words for it
 */
export function brokenWords(
  words: Readonly<Record<string, string>>,
  status: string,
  reason: string | null,
  origin: CredentialOrigin,
): string | null {
  const remedy = remedyOf(origin)
  if (remedy === 'api-key') {
    const ofKey = BROKEN_KEY[`${status}/${reason}`] ?? BROKEN_KEY[status]
    if (ofKey !== undefined) return ofKey
  }
  const found = words[`${status}/${reason}`] ?? words[status]
  return found?.replace('{sign-in}', NAMES[remedy === 'api-key' ? 'sign-in' : remedy]) ?? null
}
