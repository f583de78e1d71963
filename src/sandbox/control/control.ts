import type { Authority } from '../authority/authority.ts'
import type { FaultSwitch } from '../faults/faults.ts'
import type { AnswerPlan, SandboxControl } from '../types.ts'
import type { EventLog } from './event-log.ts'

export interface ControlParts {
  readonly authority: Authority
  readonly faults: FaultSwitch
  readonly events: EventLog
  readonly changePlan: (plan: Partial<AnswerPlan>) => void
}

/** The switches that tests use in-process and that the control API and the chat commands turn. */
export function createControl({ authority, faults, events, changePlan }: ControlParts): SandboxControl {
  const ended = (kind: 'expired' | 'revoked', tokens: number) => {
    events.add({ kind, tokens })
    return tokens
  }
  return {
    fault: (fault) => faults.set(fault),
    faults: () => faults.active(),
    repair: (target) => faults.clear(target),
    expire: () => ended('expired', authority.expire()),
    revokeAccess: () => ended('revoked', authority.revokeAccess()),
    revoke: (accountId) => ended('revoked', authority.revoke(accountId)),
    revokeApiKeys: () => ended('revoked', authority.revokeApiKeys()),
    answer: changePlan,
  }
}
