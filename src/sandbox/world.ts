import type { Clock } from '../support/clock.ts'
import type { Authority } from './authority.ts'
import type { AuthorizationCodes } from './authorization.ts'
import type { EventLog } from './event-log.ts'
import type { FaultSwitch } from './faults.ts'
import type { RequestRecord } from './request-record.ts'
import type { AnswerPlan, SandboxControl } from './types.ts'

/** Everything that the parts of one simulated Anthropic share. */
export interface World {
  readonly clock: Clock
  readonly url: () => string
  readonly authority: Authority
  readonly codes: AuthorizationCodes
  readonly faults: FaultSwitch
  readonly events: EventLog
  readonly requests: RequestRecord
  readonly control: SandboxControl
  readonly acceptAnyApiKey: boolean
  readonly tokenLifetimeSeconds: number
  plan: AnswerPlan
}
