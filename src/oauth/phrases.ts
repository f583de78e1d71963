/**
 * Texts of the token endpoint that distinguish what its error codes do not. The only place where text of
 * this endpoint is read; matched without regard to case, anywhere in the description.
 */
export const TOKEN_ENDPOINT_PHRASES = {
  /** The grant ended by age, not by rotation or revocation. */
  expired: ['refresh token expired', 'refresh token has expired', 'authorization code expired'],
  /** The account, not the grant, is the problem. */
  account: ['account_on_hold', 'account on hold', 'account is on hold'],
  /** The body's form was not understood, so the grant in it was not processed. */
  requestFormat: ['invalid request format'],
} as const

/** Whether `text` contains one of `phrases`. */
export function holdsPhrase(text: string, phrases: readonly string[]): boolean {
  const lower = text.toLowerCase()
  return phrases.some((phrase) => lower.includes(phrase))
}
