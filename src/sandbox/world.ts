import type { Clock } from '../support/clock.ts'
import type { Authority } from './authority/authority.ts'
import type { AuthorizationCodes } from './authority/authorization.ts'
import type { EventLog } from './control/event-log.ts'
import type { RequestRecord } from './control/request-record.ts'
import type { FaultSwitch } from './faults/faults.ts'
import type { Bill } from './messages/bill.ts'
import type { CacheDiagnostics } from './messages/cache/cache-diagnostics.ts'
import type { PromptCache } from './messages/cache/prompt-cache.ts'
import type { SimulatedModel } from './messages/model-table.ts'
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
  readonly cache: PromptCache
  readonly diagnostics: CacheDiagnostics
  readonly bill: Bill
  readonly control: SandboxControl
  readonly acceptAnyApiKey: boolean
  readonly tokenLifetimeSeconds: number
  readonly models: readonly SimulatedModel[]
  plan: AnswerPlan
}
