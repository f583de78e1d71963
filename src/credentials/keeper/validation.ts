import type { CredentialReason } from '../../support/errors.ts'
import type { CredentialStateName } from './keeper-state.ts'

const LOGIN = 'hermes auth login --headless'

/** The command that mends a credential in this state. */
export function mendingCommand(state: CredentialStateName, reason: CredentialReason | null): string {
  if (state === 'misconfigured') return 'hermes auth sources'
  switch (reason) {
    case 'other-machine':
      return `${LOGIN}\` or, if this machine is to go on alone, \`hermes auth status --adopt`
    case 'store':
    case 'endpoint':
    case 'network':
    case 'rate-limited':
    case 'policy':
    case 'billing':
    case 'account':
      return 'hermes doctor'
    default:
      return LOGIN
  }
}
