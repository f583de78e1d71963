import type { Conversations } from '../../conversation/conversations.ts'
import type { Person } from '../../conversation/receiver.ts'
import type { CredentialKind } from '../../credentials/credential.ts'
import type { Accepted } from '../../inbox/arrival.ts'
import type { Series, SeriesName } from '../../inbox/figures/figure-series.ts'
import type { ConversationEvents } from '../../inbox/fleet/conversation-events.ts'
import type { Holding } from '../../inbox/gate/readiness.ts'
import type { WaitingCounts } from '../../inbox/inbox.ts'
import type { Attachment, AttachmentInfo, ConversationId, MessageState } from '../../inbox/message.ts'
import type { Ledger } from '../../usage/ledger.ts'
import type { Changes } from '../streams/changes.ts'
import type { CacheReport, IncidentItem, QueueItem, StatusReport, TimelineReport } from '../wire-reports.ts'
import type { SandboxActions, SandboxEvent, SandboxState, SignedIn, StoredKey } from '../wire.ts'

/**
 * Everything that the HTTP server needs of the rest of the gateway. It knows no
 * storage, channel or credential; the composition passes these in.
 */
export interface ApiServices {
  /** Can messages be answered now? Cheap and synchronous: called for every `/readyz`. */
  readonly readiness: () => Readiness
  /** What holds messages, from its first second on; null = nothing. Cheap and synchronous. */
  readonly holding: () => HoldingCredential | null
  /** Calls `listener` whenever readiness, what holds messages, or how many wait may have changed. */
  readonly onStatusChange: (listener: () => void) => Disposable
  /** What `hermes status --json` prints. @param url where this machine reaches the server */
  readonly status: (url: string) => Promise<StatusReport>
  /** What `hermes incidents --json` prints as `items`. */
  readonly incidents: () => Promise<readonly IncidentItem[]>
  readonly queue: QueueService
  /** What requests to the model cost. */
  readonly ledger: Ledger
  readonly chat: ChatService
  readonly conversations: Pick<Conversations, 'changes' | 'messages' | 'list'>
  readonly events: Pick<ConversationEvents, 'watch' | 'partial'>
  readonly uploads: UploadService
  /** A stored attachment of this conversation by its id; null = there is none (any more). */
  readonly attachment: (id: string, conversation: ConversationId) => Promise<Attachment | null>
  /** Messages that wait, for the page's status line. Cheap. */
  readonly waiting: () => Promise<Omit<WaitingCounts, 'oldestAt'>>
  /** Sign-in from the page; null = not offered. */
  readonly login: LoginService | null
  /** The page shows it, with suggestions to try. */
  readonly sandbox: boolean
  /** For the dashboard only. */
  readonly dashboard: DashboardService
}

export interface DashboardService {
  readonly changes: Changes
  /** Unchanged while no channel and no alert route changes. Cheap: called every few seconds. */
  connections(): string
  /** Counts over time. Cheap for a month. */
  figures(query: {
    readonly from: number
    readonly to: number
    readonly names: readonly SeriesName[]
  }): Promise<Series>
  /** The credential's life: tokens, refreshes, rejections, outages. */
  timeline(): TimelineReport
  /** What was read from the provider's cache; `since` in epoch milliseconds. Cheap. */
  cache(since: number): CacheReport
  /** The text of a person's message; null = there is no such message. */
  text(messageId: string): Promise<string | null>
  /** The simulator's controls; null = the provider is real. */
  readonly sandbox: SandboxPanel | null
}

/** The controls of the simulated provider. */
export interface SandboxPanel {
  state(): SandboxState
  /** The last events, oldest first; tokens are named by fingerprint. */
  readonly events: readonly SandboxEvent[]
  /** Runs `action`; null = unknown action. @throws Refused for an invalid body */
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

/** What holds messages, with the kind of the credential in use, or of the one that stopped working. */
export type HoldingCredential = Holding & { readonly credentialKind?: CredentialKind | null }

interface QueueService {
  /** As `hermes queue list --json` prints them as `items`; no `states`: held and parked ones. */
  list(states: readonly MessageState[] | null, limit: number): Promise<readonly QueueItem[]>
  /** False: no message with this id is held or parked. */
  retry(id: string): Promise<boolean>
  /** Returns how many will be retried. */
  retryAll(): Promise<number>
  drop(id: string): Promise<boolean>
}

/** Receives messages over HTTP. Implemented by the web channel. */
export interface ChatService {
  /** The channel's name, under which its conversations are listed. */
  readonly channel: string
  /** False: switched off by the operator; no message is accepted. */
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
  /** A program sent it, and expects an answer to it alone. */
  readonly alone: boolean
}

/** Attachments between their upload and the message that carries them. */
export interface UploadService {
  /**
   * Stores `bytes`. The media type is detected from the content.
   *
   * @throws Refused for a kind that the model cannot read; StoreError when there is no space
   */
  save(
    upload: { readonly address: string; readonly person: string; readonly name: string },
    bytes: AsyncIterable<Uint8Array>,
  ): Promise<AttachmentInfo>
  /** @throws Refused when there is no such upload in this conversation (any more) */
  load(address: string, id: string): Promise<Attachment>
}

/** Sign-in through the page; `client` names who started it, so that nobody else can finish it. */
export interface LoginService {
  start(client: string): Promise<{ authorizeUrl: string; session: string; expiresAt: number }>
  /** @throws Refused with the sentence for the person; OtherAccount: to be confirmed by `confirm` */
  finish(client: string, session: string, code: string): Promise<SignedIn>
  /** Replaces the current account. @throws Refused */
  confirm(client: string): Promise<SignedIn>
  /**
   * Asks the provider whether it accepts this key, and stores it if so. The key is never returned.
   *
   * @throws Refused for an invalid or rejected key; TransientError when the provider could not be asked
   */
  apiKey(key: string): Promise<StoredKey>
}
