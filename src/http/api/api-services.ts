import type { IncidentStore } from '../../alerts/incident.ts'
import type { Conversations } from '../../conversation/conversations.ts'
import type { ConversationEvents } from '../../inbox/fleet/conversation-events.ts'
import type { Inbox } from '../../inbox/inbox.ts'
import type { ConversationId, MessageState } from '../../inbox/message.ts'
import type { ParkedInputs } from '../../inbox/parked-inputs.ts'
import type { Clock } from '../../support/clock.ts'
import type { Ledger } from '../../usage/ledger.ts'
import type { StatusReport } from '../wire-reports.ts'
import { listQueue } from './list-queue.ts'
import type {
  ApiServices,
  ChatService,
  DashboardService,
  LoginService,
  Readiness,
  UploadService,
  HoldingCredential,
} from './services.ts'
import { incidentItem } from './status-report.ts'

export interface ApiServiceParts {
  readonly inbox: Inbox
  readonly inputs: ParkedInputs
  readonly conversations: Conversations
  readonly incidents: IncidentStore
  readonly ledger: Ledger
  readonly events: ConversationEvents
  readonly chat: ChatService
  readonly uploads: UploadService
  readonly login: LoginService | null
  readonly readiness: () => Readiness
  readonly holding: () => HoldingCredential | null
  readonly onStatusChange: (listener: () => void) => Disposable
  readonly status: (url: string) => Promise<StatusReport>
  /** An operator changed a conversation: schedule it. */
  readonly wake: (conversationId: ConversationId) => void
  readonly clock: Clock
  readonly sandbox: boolean
  readonly dashboard: DashboardService
}

/** The states listed by default. */
const QUEUE_STATES: readonly MessageState[] = ['received', 'answering', 'held', 'parked']

/** More incidents than anybody reads. */
const INCIDENT_PAGE = 100
/** How many parked messages one `retry --all` retries. */
const RETRY_PAGE = 10_000

/** Builds the HTTP server's services from the parts of the gateway. */
export function createApiServices(parts: ApiServiceParts): ApiServices {
  const { inbox, inputs, events, clock, wake } = parts

  const changed = (conversationId: ConversationId | null): boolean => {
    if (conversationId === null) return false
    events.changed(conversationId)
    parts.dashboard.changes.mark('queue')
    wake(conversationId)
    return true
  }
  const marked = (done: boolean): boolean => {
    if (done) parts.dashboard.changes.mark('queue')
    return done
  }
  const retry = async (id: string) =>
    changed(await inbox.retry(id, clock.now())) || marked(await inputs.retry(id))

  return {
    ...parts,
    incidents: async () => (await parts.incidents.list(INCIDENT_PAGE)).map(incidentItem),
    queue: {
      list: (states, limit) => listQueue({ inbox, inputs }, states ?? QUEUE_STATES, limit),
      retry,
      async retryAll() {
        const parked = await listQueue({ inbox, inputs }, ['parked'], RETRY_PAGE)
        const done = await Promise.all(parked.map(({ id }) => retry(id)))
        return done.filter(Boolean).length
      },
      drop: async (id) => changed(await inbox.drop(id, clock.now())) || marked(await inputs.remove(id)),
    },
    attachment: (id, conversation) => inbox.attachment(id, conversation),
    waiting: () => inbox.counts(),
  }
}
