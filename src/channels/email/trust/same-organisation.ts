import { getDomain } from 'tldts'

/**
 * Whether two domains belong to one organisation, by the list of public suffixes: `mail.example.org` and
 * `example.org` do, two domains under `co.uk` or `github.io` do not. A public suffix belongs to itself alone.
 *
 * @param one,other in lower case and ASCII
 * @see RFC 7489 §3.2
 */
export function sameOrganisation(one: string, other: string): boolean {
  return organisationalDomain(one) === organisationalDomain(other)
}

function organisationalDomain(domain: string): string {
  // The private part of the list, too: its suffixes are handed out to people who do not know each other.
  return getDomain(domain, { allowPrivateDomains: true }) ?? domain
}
