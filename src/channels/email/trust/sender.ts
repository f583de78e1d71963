import type { Headers } from '../intake/headers.ts'
import { domainOf, normalAddress, singleMailbox, type MailAddress } from '../mail-address.ts'
import { mayBeOf, parseAuthenticationResults, type Verdict } from './authentication-results.ts'
import { sameOrganisation } from './same-organisation.ts'

/** Who a mail is from. */
export type Sender =
  | { readonly kind: 'proved'; readonly address: MailAddress }
  /** `why` is for the operator's log and holds nothing of the mail. */
  | { readonly kind: 'unproved'; readonly address: MailAddress | null; readonly why: string }

/**
 * Who sent this mail, as far as the receiving server vouches for it. Pure.
 *
 * Only the topmost Authentication-Results of `authservId` counts: a sender can write such fields, too,
 * but they are below the server's, or under another name. What it says must be about the domain of
 * the one address in the one From field.
 *
 * @see RFC 8601 §5 and §7.1, RFC 7489 §3.1
 */
export function senderOf(headers: Headers, authservId: string): Sender {
  const from = headers.all('from')
  const address = from.length === 1 ? singleMailbox(from[0]!) : null
  const unproved = (why: string): Sender => ({ kind: 'unproved', address, why })
  if (from.length !== 1) return unproved(from.length === 0 ? 'it has no From' : 'it has more than one From')
  if (!address) return unproved('its From is not one plain address')
  const fields = headers.all('authentication-results')
  const field = fields.find((value) => mayBeOf(value, authservId))
  if (field === undefined) return unproved(`it carries no Authentication-Results of ${authservId}`)
  const results = parseAuthenticationResults(field)
  if (!results) return unproved(`the Authentication-Results of ${authservId} cannot be read beyond doubt`)
  const problem = problemOf(results.verdicts, domainOf(address))
  return problem === null ? { kind: 'proved', address } : unproved(problem)
}

/** DMARC results that leave it to the two methods below: the domain has no policy, or nobody asked for one. */
const NO_POLICY: ReadonlySet<string> = new Set(['none'])

/** null: the server's results vouch for the domain. */
function problemOf(verdicts: readonly Verdict[], domain: string): string | null {
  const dmarc = verdicts.filter(({ method }) => method === 'dmarc')
  if (dmarc.length > 1) return 'there are two verdicts of DMARC'
  const [policy] = dmarc
  if (policy?.result === 'pass') {
    return policy.properties.get('header.from')?.toLowerCase() === domain
      ? null
      : 'the verdict of DMARC is about another domain'
  }
  if (policy && !NO_POLICY.has(policy.result)) return `DMARC says ${word(policy.result)}`
  const spf = verdicts.filter(({ method, properties }) => method === 'spf' && properties.has('smtp.mailfrom'))
  if (spf.length > 1) return 'there are two verdicts of SPF on the envelope'
  const signers = verdicts
    .filter(({ method, result }) => method === 'dkim' && result === 'pass')
    .map(signerOf)
  const envelope = spf.filter(({ result }) => result === 'pass').map(envelopeOf)
  const vouching = [...signers, ...envelope].filter((name) => name !== null)
  if (vouching.length === 0) return 'neither DKIM nor SPF passed'
  return vouching.some((name) => isDomain(name) && sameOrganisation(domain, name))
    ? null
    : 'what DKIM and SPF passed is about another domain'
}

function signerOf({ properties }: Verdict): string | null {
  const signer = properties.get('header.d')
  if (signer !== undefined) return signer.toLowerCase()
  // Some servers name only the identity, which lies within the signing domain.
  const identity = properties.get('header.i')
  return identity === undefined ? null : identity.slice(identity.lastIndexOf('@') + 1).toLowerCase()
}

/** The domain of the envelope's sender, which is written with or without the part before the `@`. */
function envelopeOf({ properties }: Verdict): string | null {
  const from = properties.get('smtp.mailfrom')!
  if (!from.includes('@')) return from.toLowerCase()
  const address = normalAddress(from)
  return address === null ? null : domainOf(address)
}

function isDomain(name: string): boolean {
  return /^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(name)
}

/** A server's word for the log, whatever it is. */
function word(text: string): string {
  return text.replace(/[^a-z]/g, '').slice(0, 20)
}
