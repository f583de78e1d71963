import type { Conversations } from '../../conversation/conversations.ts'
import type { Person } from '../../conversation/receiver.ts'
import type { Accepted } from '../../inbox/arrival.ts'
import type { Series, SeriesName } from '../../inbox/figures/figure-series.ts'
import type { ConversationEvents } from '../../inbox/fleet/conversation-events.ts'
import type { Attachment, AttachmentInfo, ConversationId, MessageState } from '../../inbox/message.ts'
import type { Changes } from '../streams/changes.ts'
import type { IncidentItem, QueueItem, StatusReport, TimelineReport } from '../wire-reports.ts'
import type { SandboxActions, SandboxEvent, SandboxState, SignedIn, StoredKey } from '../wire.ts'

/**
 * Everything that the HTTP server needs of the rest of the gateway. It knows no
 * storage, no channel and no credential; whoever puts the parts together gives it these.
 */
export interface ApiServices {
  /** Can messages be answered now? Cheap and synchronous: asked for at every `/readyz`. */
  readonly readiness: () => Readiness
  /** Calls `listener` whenever readiness or the number of waiting messages may have changed. */
  readonly onStatusChange: (listener: () => void) => Disposable
  /** What `hermes status --json` prints. @param url where this machine reaches the server */
  readonly status: (url: string) => Promise<StatusReport>
  /** What `hermes incidents --json` prints as `items`. */
  readonly incidents: () => Promise<readonly IncidentItem[]>
  readonly queue: QueueService
  readonly chat: ChatService
  readonly conversations: Pick<Conversations, 'changes' | 'messages' | 'list'>
  readonly events: Pick<ConversationEvents, 'watch' | 'partial'>
  readonly uploads: UploadService
  /** A stored attachment of this conversation by its id; null = there is none (any more). */
  readonly attachment: (id: string, conversation: ConversationId) => Promise<Attachment | null>
  /** Messages that wait, for the page's status line. Cheap. */
  readonly waiting: () => Promise<{ readonly held: number; readonly parked: number }>
  /** Sign-in from the page; null = not offered. */
  readonly login: LoginService | null
  /** Shown by the page, with a hint what to try. */
  readonly sandbox: boolean
  /** What only the dashboard asks for. */
  readonly dashboard: DashboardService
}

export interface DashboardService {
  readonly changes: Changes
  /** Says the same as long as no channel and no alert route has changed. Cheap: asked for every few seconds. */
  connections(): string
  /** Counts over time. Cheap for a month. */
  figures(query: {
    readonly from: number
    readonly to: number
    readonly names: readonly SeriesName[]
  }): Promise<Series>
  /** The credential's life: tokens, refreshes, rejections, outages. */
  timeline(): TimelineReport
  /** The text of a person's message; null = there is no such message. */
  text(messageId: string): Promise<string | null>
  /** The stand-in's switches; null = the provider is a real one. */
  readonly sandbox: SandboxPanel | null
}

/** The simulated provider, as far as a visitor may drive it. */
export interface SandboxPanel {
  state(): SandboxState
  /** The last events, oldest first; tokens are named by fingerprint. */
  readonly events: readonly SandboxEvent[]
  /** Does what `action` names; null = there is no such action. @throws Refused for a body that makes no sense */
  act(action: string, body: unknown): SandboxActions[keyof SandboxActions] | null
  subscribe(listener: () => void): Disposable
}

export type Readiness =
  | { readonly ready: true }
  | {
      readonly ready: false
      /** A credential state, `usage-limited`, `provider-unavailable`, `stalled` or `store`. */
      readonly status: string
      readonly reason: string | null
    }

interface QueueService {
  /** As `hermes queue list --json` prints them as `items`; no `states`: held and parked ones. */
  list(states: readonly MessageState[] | null, limit: number): Promise<readonly QueueItem[]>
  /** False: no message with this id is held or parked. */
  retry(id: string): Promise<boolean>
  /** Returns how many will be tried again. */
  retryAll(): Promise<number>
  drop(id: string): Promise<boolean>
}

/** The way in for messages that arrive over HTTP. Implemented by the web channel. */
export interface ChatService {
  /** The channel's name, under which its conversations are listed. */
  readonly channel: string
  /** False: the operator has switched it off, and no message is taken. */
  readonly enabled: boolean
  conversationId(address: string): ConversationId
  /**
   * Resolves after the durable commit. A second post of the same `messageId` gives
   * the first one's result.
   *
   * @throws StoreError when nothing was stored
   */
  post(message: PostedMessage): Promise<Accepted>
}

export interface PostedMessage {
  readonly address: string
  readonly messageId: string
  readonly person: Person
  readonly text: string
  /** Loaded only when the message is new. @throws Refused when an upload is gone */
  readonly attachments: ReadonlyArray<() => Promise<Attachment>>
}

/** Attachments between their upload and the message that carries them. */
export interface UploadService {
  /**
   * Keeps what `bytes` gives. The kind is found out from the content.
   *
   * @throws Refused for a kind that the model cannot read; StoreError when there is no room
   */
  save(address: string, name: string, bytes: AsyncIterable<Uint8Array>): Promise<AttachmentInfo>
  /** @throws Refused when there is no such upload in this conversation (any more) */
  load(address: string, id: string): Promise<Attachment>
}

/** Sign-in through the page; `client` names who started it, so that nobody else can finish it. */
export interface LoginService {
  start(client: string): Promise<{ authorizeUrl: string; session: string; expiresAt: number }>
  /** @throws Refused with the sentence for the person; OtherAccount: to be agreed to by `confirm` */
  finish(client: string, session: string, code: string): Promise<SignedIn>
  /** Another account may take the place of the present one. @throws Refused */
  confirm(client: string): Promise<SignedIn>
  /**
   * Asks the provider whether it takes this key, and stores it if so. The key is never told back.
   *
   * @throws Refused when it is no key or not taken; TransientError when nobody could be asked
   */
  apiKey(key: string): Promise<StoredKey>
}
