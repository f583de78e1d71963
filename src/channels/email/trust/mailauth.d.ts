/** The package's own types name only its main functions. */
declare module 'mailauth/lib/tools.js' {
  /**
   * Does one of `domains` share its organisational domain with `from` (relaxed), or equal it (strict)?
   *
   * @see RFC 7489 §3.1
   */
  export function getAlignment(from: string, domains: readonly string[], strict: boolean): unknown
}
