import { Undeliverable } from '../../inbox/delivery/send-channel.ts'
import { DAY, MINUTE } from '../../support/clock.ts'
import { TransientError } from '../../support/errors.ts'
import { proxyFailureIn } from '../../support/proxy-tunnel.ts'
import { redact } from '../../support/text/redact.ts'

/** What is wrong with a token or an account is corrected by the operator, not by asking often. */
const OPERATOR_RETRY_MS = MINUTE
/** No platform asks for more; a wait beyond it is a mistake somewhere, and people would stop writing. */
const LONGEST_WAIT_MS = DAY
/** A server's own words, without the pages that a proxy in between may write. */
const LONGEST_WORDS = 300

/**
 * An unsuccessful call of a platform's API. Carries neither the request (it holds people's words) nor
 * its address or headers (they hold the token), and has no `cause` for the same reason.
 */
export abstract class PlatformFailure<Kind extends string = string> extends Error {
  readonly kind: Kind
  /** The name of the call. */
  readonly method: string
  /** What the server asked to wait, in milliseconds; null = it did not say. */
  readonly retryAfterMs: number | null

  constructor(
    platform: string,
    kind: Kind,
    method: string,
    text: string,
    retryAfterMs: number | null = null,
  ) {
    super(`${platform} ${method}: ${redact(text).slice(0, LONGEST_WORDS)}`)
    this.kind = kind
    this.method = method
    this.retryAfterMs = retryAfterMs === null ? null : Math.ceil(Math.min(retryAfterMs, LONGEST_WAIT_MS))
  }
}

/**
 * What the kinds of a platform's failures mean for a text that was to be sent. `undeliverable`: it
 * never will be; `operator`: somebody must act, with the reason for status and metrics. All others pass.
 */
export type SendMeaning<Kind extends string> = Readonly<
  Partial<Record<Kind, 'undeliverable' | { readonly operator: string }>>
>

/** A failure in the terms of `SendChannel`. */
export function sendErrorOf<Kind extends string>(
  failure: PlatformFailure<Kind>,
  meaning: SendMeaning<Kind>,
): Undeliverable | TransientError {
  const { kind, message, retryAfterMs } = failure
  if (kind === 'rate-limited') return new TransientError(message, retryAfterMs, 'rate-limited')
  const means = meaning[kind]
  if (means === undefined) return new TransientError(message, null, 'network')
  if (means === 'undeliverable') return new Undeliverable(message)
  return new TransientError(message, OPERATOR_RETRY_MS, means.operator)
}

/** What `networkCode` says of an answer that is longer than is read. */
export const TOO_LARGE = 'too large'

/** What may be said of a failed request: only its code, for texts of undici may quote the address and what it holds. */
export function networkCode(error: unknown): string {
  const proxy = proxyFailureIn(error)
  if (proxy) return proxy.message
  for (let at = error, depth = 0; at instanceof Error && depth < 5; depth++) {
    if ('code' in at && typeof at.code === 'string') return at.code
    if (at.name === 'TimeoutError' || at.name === 'AbortError') return 'timeout'
    if (at instanceof SyntaxError) return 'not JSON'
    // The one text of undici that is compared, whole: such an error has neither a code nor a name.
    if (at.message === 'unexpected redirect') return 'redirected to another address'
    at = 'error' in at ? at.error : at.cause
  }
  return 'connection failed'
}
