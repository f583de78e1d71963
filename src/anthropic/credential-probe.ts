import type { Probe } from '../credentials/credential.ts'
import { SECOND } from '../support/clock.ts'
import type { ModelClientOptions } from './client.ts'
import { addressFor, credentialHeaders, provesAcceptance } from './ladder.ts'

/** How long a probe may take. */
const PROBE_TIMEOUT_MS = 15 * SECOND

/** Asks the provider whether it accepts a credential: one cheap request, a list of one model. */
export function credentialProbe(
  options: Pick<ModelClientOptions, 'baseUrl' | 'userAgent' | 'headers' | 'clock'>,
): Probe {
  return async (credential) => {
    // The SDK is slow to load, and most gateways never probe.
    const [{ createSdkClient }, { classify }] = await Promise.all([
      import('./client.ts'),
      import('./errors.ts'),
    ])
    try {
      const headers = credentialHeaders(credential)
      // The SDK's own time limit ends with the headers, and a body may never end.
      const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS)
      const baseUrl = addressFor(credential, options.baseUrl)
      const client = createSdkClient({ ...options, baseUrl })
      await client.models.list({ limit: 1 }, { headers, timeout: PROBE_TIMEOUT_MS, signal })
      return { kind: 'accepted' }
    } catch (error) {
      const failure = classify(error, options.clock.now())
      if (failure.kind === 'credential') return { kind: 'rejected', rejection: failure.rejection }
      return { kind: provesAcceptance(failure.error) ? 'accepted' : 'unknown' }
    }
  }
}
