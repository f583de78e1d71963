/**
 * Failures by who must act next. Codes and classes are the interface; the text is
 * for people and is never parsed. Anything that is not one of these is a bug.
 */
export abstract class HermesError extends Error {
  override get name(): string {
    return this.constructor.name
  }
}

/** Nobody has to act: it is retried automatically. */
export class TransientError extends HermesError {
  /** What the other side asked for, in milliseconds; null = our own back-off. */
  readonly retryAfterMs: number | null
  /** One word for status and metrics, such as `network`, `overloaded`, `endpoint`. */
  readonly reason: string

  constructor(
    message: string,
    retryAfterMs: number | null = null,
    reason: string = 'network',
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.retryAfterMs = retryAfterMs
    this.reason = reason
  }
}

/** The reasons of a credential that is not healthy, as `hermes auth status` prints them. */
export const CREDENTIAL_REASONS = [
  'expired',
  'revoked',
  'lost-in-rotation',
  'absent',
  'unrenewable',
  'endpoint',
  'rate-limited',
  'network',
  'scope',
  'policy',
  'billing',
  'account',
  'store',
  'other-machine',
] as const
export type CredentialReason = (typeof CREDENTIAL_REASONS)[number]

/** The operator must sign in. */
export class NeedsLogin extends HermesError {
  readonly reason: CredentialReason

  constructor(reason: CredentialReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/** The sign-in works and may not be used for this: organisation, policy, billing, account. */
export class NotPermitted extends HermesError {
  readonly reason: CredentialReason

  constructor(reason: CredentialReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/** The operator must change the configuration. Commands end with exit code 78. */
export class ConfigurationError extends HermesError {}

/** The disk or database rejects what must be durable. */
export class StoreError extends HermesError {
  /** The disk is full: a smaller write might still succeed, and would use up the last of it. */
  get noRoom(): boolean {
    return false
  }
}

/**
 * The store works, and will never take this: a value that its table refuses. Nothing was changed, and
 * the same again changes nothing, so nobody must wait for it.
 */
export class RowRefused extends HermesError {
  /** The database's own word for why; null = it has none. */
  readonly code: string | null

  constructor(message: string, code: string | null = null, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The provider's usage limit is reached. */
export class UsageLimited extends HermesError {
  /** Epoch milliseconds at which the limit ends. */
  readonly resumeAt: number

  constructor(resumeAt: number, message = 'usage limit reached') {
    super(message)
    this.resumeAt = resumeAt
  }
}

/** This one message cannot be answered; `message` is the sentence that the person reads. */
export class Refused extends HermesError {}

/** The text of anything thrown, without its stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
