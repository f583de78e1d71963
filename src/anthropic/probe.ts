import type { Credential } from '../credentials/credential.ts'
import { createSdkClient, credentialHeaders, type ModelClientOptions } from './client.ts'
import { classify, type Failure } from './errors.ts'

/** How long a probe may take, in milliseconds. */
const PROBE_TIMEOUT_MS = 15_000

/**
 * One cheap request that shows whether a credential is accepted: a list of one model.
 *
 * @returns null when it is, else what its refusal means
 */
export function createProbe(
  options: Pick<ModelClientOptions, 'baseUrl' | 'userAgent' | 'headers' | 'clock'>,
): (credential: Credential) => Promise<Failure | null> {
  const client = createSdkClient(options)
  return async (credential) => {
    try {
      await client.models.list(
        { limit: 1 },
        { headers: credentialHeaders(credential), timeout: PROBE_TIMEOUT_MS },
      )
      return null
    } catch (error) {
      return classify(error, options.clock.now())
    }
  }
}
