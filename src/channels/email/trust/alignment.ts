import type { Alignment } from './sender.ts'

let loading: Promise<Alignment> | null = null

/**
 * Whether two domains have the same organisational domain, by the list of public suffixes: who may
 * sign for `mail.example.org` may speak for `example.org`, and nobody speaks for all of `co.uk`.
 * The list is loaded with the first mail.
 *
 * @see RFC 7489 §3.2
 */
export function loadAlignment(): Promise<Alignment> {
  loading ??= import('mailauth/lib/tools.js').then(
    ({ getAlignment }) =>
      (from, other) =>
        getAlignment(from, [other], false) !== false,
  )
  return loading
}
