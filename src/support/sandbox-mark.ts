/** The word in every token, key and code that the simulated Anthropic issues to a visitor. */
export const SANDBOX_MARK = 'SANDBOX'

const MARKED = /^\s*sk-ant-[a-z]{3}\d\d-SANDBOX-/

/**
 * Was this token issued by the simulated Anthropic? A production gateway refuses
 * such a token: it means nothing to the real service, and a home that holds one
 * was mixed up with the sandbox's.
 */
export function isSandboxToken(token: string): boolean {
  return MARKED.test(token)
}
