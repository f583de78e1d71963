import { ModelRefusal } from '../conversation/model.ts'
import type { Probe } from '../credentials/credential.ts'
import { ConfigurationError, UsageLimited } from '../support/errors.ts'
import type { createProbe } from './probe.ts'

/** The keeper's way to ask whether the provider accepts a credential. */
export function credentialProbe(options: Parameters<typeof createProbe>[0]): Probe {
  let ask: ReturnType<typeof createProbe> | null = null
  return async (credential) => {
    // The SDK is heavy, and most gateways never ask.
    ask ??= (await import('./probe.ts')).createProbe(options)
    const failure = await ask(credential)
    if (failure === null) return { kind: 'accepted' }
    if (failure.kind === 'credential') return { kind: 'rejected', rejection: failure.rejection }
    const { error } = failure
    // Whoever reads a request and refuses it for another reason has let the credential in.
    const letIn =
      error instanceof ModelRefusal || error instanceof UsageLimited || error instanceof ConfigurationError
    return { kind: letIn ? 'accepted' : 'unknown' }
  }
}
