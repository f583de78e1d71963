import type { Rejection } from '../credentials/credential.ts'

/**
 * The only place where the text of a Messages API error decides: organisation,
 * scope, policy and billing have no code of their own. Compared in lower case.
 */
const PHRASES: ReadonlyArray<readonly [phrase: string, rejection: Rejection]> = [
  ['oauth token has been revoked', { kind: 'rejected' }],
  ['oauth access token has been revoked', { kind: 'rejected' }],
  ['not allowed for this organization', { kind: 'not-permitted', reason: 'policy' }],
  ['scope requirement', { kind: 'scope' }],
  ['only authorized for use with claude code', { kind: 'not-permitted', reason: 'policy' }],
  ['extra usage', { kind: 'not-permitted', reason: 'billing' }],
  ['credit balance is too low', { kind: 'not-permitted', reason: 'billing' }],
  ['purchase credits', { kind: 'not-permitted', reason: 'billing' }],
  ['billing issue', { kind: 'not-permitted', reason: 'billing' }],
  ['account on hold', { kind: 'not-permitted', reason: 'account' }],
  ['account_on_hold', { kind: 'not-permitted', reason: 'account' }],
]

/** What the text of an error means for the credential; null = no known phrase. */
export function rejectionInText(text: string): Rejection | null {
  const lower = text.toLowerCase()
  return PHRASES.find(([phrase]) => lower.includes(phrase))?.[1] ?? null
}
