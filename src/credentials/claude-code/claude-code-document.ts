import { isObject, parseObject } from '../../support/files/private-file.ts'
import { textOf, textsOf, timeOf, tokenOf } from '../own/own-document.ts'
import type { Generation, StoredSignIn } from '../sign-in.ts'

/** Claude Code's file as it was read: everything in it that is not ours to know survives a write. */
export type ClaudeCodeDocument = Record<string, unknown>

/** The scope without which Claude Code counts itself as signed out. */
const INFERENCE = 'user:inference'

export type ParsedClaudeCodeFile =
  | { readonly kind: 'document'; readonly document: ClaudeCodeDocument }
  | { readonly kind: 'broken'; readonly message: string }

export function parseClaudeCodeFile(text: string): ParsedClaudeCodeFile {
  const parsed = parseObject(text)
  return parsed.kind === 'object' ? { kind: 'document', document: parsed.value } : parsed
}

export function formatClaudeCodeFile(document: ClaudeCodeDocument): string {
  return JSON.stringify(document)
}

/**
 * Judges what Claude Code has stored. A stub or a tombstone is never adopted.
 *
 * @param writtenAt epoch milliseconds; the pair is at least as old as that, and rarely older. null = unknown
 */
export function claudeCodeSignIn(document: ClaudeCodeDocument, writtenAt: number | null): StoredSignIn {
  const record = document['claudeAiOauth']
  if (record === undefined || record === null) return { kind: 'absent' }
  if (!isObject(record)) return unusable('store', 'Claude Code’s sign-in has a shape that is not known')
  if (record['loginEnded']) return unusable('absent', 'Claude Code is signed out')
  const accessToken = tokenOf(record['accessToken'])
  const { expiresAt } = record
  if (!accessToken || expiresAt === 0) return unusable('absent', 'Claude Code’s sign-in is an empty stub')
  if (expiresAt !== undefined && expiresAt !== null && timeOf(expiresAt) === null) {
    return unusable('store', 'Claude Code’s sign-in has no valid time of expiry')
  }
  const scopes = textsOf(record['scopes'])
  if (Array.isArray(record['scopes']) && !scopes.includes(INFERENCE)) {
    return unusable('scope', 'Claude Code’s sign-in may not be used for inference')
  }
  const clientId = textOf(record['clientId'])
  const generation: Generation = {
    accessToken,
    refreshToken: tokenOf(record['refreshToken']),
    expiresAt: timeOf(expiresAt),
    issuedAt: writtenAt,
    loginExpiresAt: timeOf(record['refreshTokenExpiresAt']),
    loginExpiryEstimated: false,
    scopes,
    accountId: textOf(record['accountUuid']),
    accountEmail: null,
    ...(clientId === null ? {} : { clientId }),
  }
  return { kind: 'present', generation }
}

/** `document` with the pair replaced by `next`; unknown fields are kept inside and outside it. */
export function withClaudeCodeGeneration(document: ClaudeCodeDocument, next: Generation): ClaudeCodeDocument {
  const record = document['claudeAiOauth'] as Record<string, unknown>
  const before = textsOf(record['scopes'])
  // An answer may name fewer scopes than it grants; the one that counts is never lost over it.
  const scopes = next.scopes.includes(INFERENCE) ? [...next.scopes] : before
  return {
    ...document,
    claudeAiOauth: {
      ...record,
      accessToken: next.accessToken.reveal(),
      refreshToken: next.refreshToken!.reveal(),
      expiresAt: next.expiresAt,
      ...(scopes.length > 0 ? { scopes } : {}),
      ...(next.loginExpiresAt === null ? {} : { refreshTokenExpiresAt: next.loginExpiresAt }),
    },
  }
}

/** True when only the refresh token was emptied next to the access token of `spent`: the spent one, taken out. */
export function refreshTokenWasEmptied(document: ClaudeCodeDocument, spent: Generation): boolean {
  const record = document['claudeAiOauth']
  if (!isObject(record) || record['loginEnded'] || record['refreshToken'] !== '') return false
  return tokenOf(record['accessToken'])?.equals(spent.accessToken) === true
}

function unusable(
  reason: Extract<StoredSignIn, { kind: 'unusable' }>['reason'],
  message: string,
): Extract<StoredSignIn, { kind: 'unusable' }> {
  return { kind: 'unusable', reason, message }
}
