import { ModelRefusal } from '../conversation/model.ts'
import type { Credential, CredentialDoor } from '../credentials/credential.ts'
import { ConfigurationError, TransientError, UsageLimited } from '../support/errors.ts'
import type { Failure } from './errors.ts'

/** Thrown by an attempt: why it failed, and whether anything of its answer has been shown. */
export class AttemptFailed extends Error {
  override readonly name = 'AttemptFailed'
  readonly failure: Failure
  readonly shown: boolean

  constructor(failure: Failure, shown: boolean) {
    super('attempt failed')
    this.failure = failure
    this.shown = shown
  }
}

/**
 * Runs `attempt` with the current credential; on a rejection has the keeper run its
 * recovery steps and repeats once with the result. Every request is sent through this.
 *
 * Nothing is repeated after part of an answer was shown: the message returns to its queue,
 * and the credential is being recovered in the background.
 *
 * @throws what the failure means: NeedsLogin, NotPermitted, TransientError, UsageLimited, ModelRefusal, …
 */
export async function withCredential<T>(
  door: CredentialDoor,
  attempt: (credential: Credential) => Promise<T>,
): Promise<T> {
  const acquired = door.acquire()
  const credential = acquired instanceof Promise ? await acquired : acquired
  let failed: AttemptFailed
  try {
    const result = await attempt(credential)
    door.accepted(credential)
    return result
  } catch (error) {
    failed = expectFailure(error)
  }
  if (failed.failure.kind === 'other') {
    if (provesAcceptance(failed.failure.error)) door.accepted(credential)
    throw failed.failure.error
  }
  const next = await door.rejected(credential, failed.failure.rejection)
  if (failed.shown) throw interrupted()
  try {
    const result = await attempt(next)
    door.accepted(next)
    return result
  } catch (error) {
    const again = expectFailure(error).failure
    if (again.kind === 'other') {
      if (provesAcceptance(again.error)) door.accepted(next)
      throw again.error
    }
    // Rejected twice: the keeper decides the new state. A credential that it finds now is for
    // the next attempt of the message, which keeps its place in the queue.
    await door.rejected(next, again.rejection)
    throw interrupted()
  }
}

function expectFailure(error: unknown): AttemptFailed {
  if (error instanceof AttemptFailed) return error
  throw error
}

/** Had the provider accepted the credential when it failed with `error`? A network failure proves nothing. */
export function provesAcceptance(error: Error): boolean {
  return error instanceof ModelRefusal || error instanceof UsageLimited || error instanceof ConfigurationError
}

function interrupted(): TransientError {
  return new TransientError('the credential was replaced in the middle of an answer', 0, 'credential')
}

/** Marks an OAuth token's request. @see https://docs.anthropic.com/en/api/beta-headers */
const OAUTH_BETA = 'oauth-2025-04-20'

/** Where `credential` is presented. @param configured `model.base_url` */
export function addressFor({ baseUrl }: Credential, configured: string): string {
  return baseUrl ?? configured
}

/** An API key goes as `x-api-key`, everything else as a bearer token. null: a header that is not sent. */
export function credentialHeaders(credential: Credential): Record<string, string | null> {
  if (credential.kind === 'api-key') return { 'x-api-key': credential.secret.reveal(), authorization: null }
  const authorization = `Bearer ${credential.secret.reveal()}`
  return { ...credential.headers, authorization, 'anthropic-beta': OAUTH_BETA }
}
