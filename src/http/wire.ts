/**
 * All types that the HTTP API sends and accepts. Handlers, page, commands and event streams share
 * them, so that a change on one side fails to compile on the other. Imports nothing: the page's bundle contains no part of the gateway.
 */

/** ISO 8601 in UTC. */
type IsoTime = string

/** How every list is sent. */
export interface List<Item> {
  readonly items: readonly Item[]
}

/** Every error response; `message` is a sentence for the reader. */
export interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string }
}

/** Success without further data. */
export interface Done {
  readonly status: 'ok'
}

/* Conversations */

export type MessageState = 'received' | 'answering' | 'held' | 'answered' | 'refused' | 'withdrawn' | 'parked'

/** An attachment that was uploaded; `POST …/messages` names it by its id. */
export interface AttachmentInfo {
  readonly id: string
  readonly mediaType: string
  readonly name: string
  /** Bytes. */
  readonly size: number
}

export interface MessageItem {
  readonly id: string
  readonly role: 'user' | 'assistant' | 'notice'
  /** Including the preface of an answer, such as which message it replies to. */
  readonly text: string
  readonly state: MessageState
  readonly at: IsoTime
  /** Order within the conversation. */
  readonly seq: number
  /** Grows with every change: of two versions of a message the higher one is newer. */
  readonly revision: number
  /** The client's own name for a message that it posted. */
  readonly messageId?: string
  /** The id of its answer, once there is one. */
  readonly answeredBy?: string
  readonly attachments?: readonly AttachmentInfo[]
}

/** `GET /api/conversations/:id/messages` */
export interface MessagePage extends List<MessageItem> {
  /** There are messages before the first one: a page is bounded by rows and by bytes. */
  readonly hasEarlier: boolean
  /** Where the event stream continues after this list. */
  readonly revision: number
}

/** `POST /api/conversations/:id/messages` */
export interface PostMessage {
  readonly text?: string
  /** The client's own name for it: posted again, it is the same message. */
  readonly messageId?: string
  readonly attachments?: readonly string[]
}

/** The stored state of a posted message. */
export interface MessageReceipt {
  /** null: not stored, such as a pasted sign-in code. */
  readonly id: string | null
  readonly state: MessageState
}

/** `GET /api/conversations` */
export interface ConversationEntry {
  readonly id: string
  readonly lastAt: IsoTime
  readonly preview: string
}

/* Event streams */

/** A new or changed row; `conversation` is the gateway's own id of it. */
export interface MessageEvent extends MessageItem {
  readonly conversation: string
}

/** A piece of the current answer at `offset`; it replaces everything from there on. */
export interface DeltaEvent {
  readonly conversation: string
  readonly turnId: string
  readonly offset: number
  readonly text: string
  /** There is no current answer any more. */
  readonly done?: true
}

/** The parts of the dashboard that change as one. */
export type Topic = 'queue' | 'incident' | 'figures' | 'credential' | 'channels'

/** A part of the dashboard has changed; a reader with another version reads it again. */
export interface TopicEvent {
  readonly version: string
}

/** Events of the sandbox's simulator; `life` identifies the run of the gateway in which `seq` counts. */
export interface SandboxEvents extends List<SandboxEvent> {
  readonly life: string
}

/** The body of each server-sent event, by the event's name. */
export interface EventBodies extends Readonly<Record<Topic, TopicEvent>> {
  readonly message: MessageEvent
  /** A message whose text the reader knows is in another state. */
  readonly state: MessageEvent
  readonly notice: MessageEvent
  readonly delta: DeltaEvent
  readonly status: StatusEvent
  readonly sandbox: SandboxEvents
}

export type EventName = keyof EventBodies

/** `GET /readyz`: 200, or 503 with the reason. */
export type ReadyReport =
  | { readonly status: 'ready' }
  | { readonly status: string; readonly reason: string | null }

/** What the page's first line shows. */
export interface StatusLine {
  /** False as soon as anything holds messages; `/readyz` waits a minute for an overload to end. */
  readonly ready: boolean
  /** `ready`, or what holds messages, in the words of `/readyz`. */
  readonly status: string
  readonly reason: string | null
  /** What a lay person understands, without the next try, which a reader counts down. */
  readonly sentence: string
  /** When messages are tried again; in the past: now. null = only an event ends it, such as a sign-in. */
  readonly nextTryAt: IsoTime | null
  /** The held messages and, while something holds them, those behind them. */
  readonly waiting: number
  readonly held: number
  readonly parked: number
  readonly sandbox: boolean
  /** Signing in on the page fixes it. */
  readonly signIn: boolean
}

/** A status line as it is sent. */
export interface StatusEvent extends StatusLine {
  /** The gateway's clock: the reader's may differ, and then counts down to another moment. */
  readonly now: IsoTime
}

/* Session, tokens and sign-in */

/** `POST /api/proof`: shows that the server knows the gateway's token; needs none itself. */
export interface AskProof {
  /** 22 to 64 letters, digits, `-` and `_`, by chance. */
  readonly nonce: string
}

export interface ServerProof {
  readonly proof: string
}

/** `POST /api/tickets`: a fresh one-use address of the page. */
export interface PageAddress {
  readonly url: string
  readonly expiresAt: IsoTime
}

/** `POST /api/session`: exchanges the ticket of a page's address for a cookie. */
export interface OpenSession {
  readonly ticket: string
}

/** `GET /api/principal` */
export interface PrincipalId {
  /** The same over sessions of one person at one gateway. */
  readonly id: string
}

/**
 * A request header with a `PrincipalId`: the request is refused (409 `other-principal`) where somebody else
 * is signed in by now. The page sends it along with what was written earlier.
 */
export const PRINCIPAL_HEADER = 'hermes-principal'

/** The scopes of a narrower token: chat, or read the metrics. */
export type TokenScope = 'chat' | 'metrics'

/** `POST /api/tokens` */
export interface IssueToken {
  readonly scope: TokenScope
}

/** The token itself is sent this once. */
export interface IssuedToken {
  readonly id: string
  readonly token: string
}

/** `GET /api/tokens` */
export interface TokenEntry {
  readonly id: string
  readonly scope: TokenScope
  readonly createdAt: IsoTime
}

/** `POST /api/login/start` */
export interface StartedLogin {
  readonly authorizeUrl: string
  readonly session: string
  readonly expiresAt: IsoTime
}

/** `POST /api/login/finish`: with the pasted code, or confirming another account. */
export interface FinishLogin {
  readonly session: string
  readonly code?: string
  readonly replace?: true
}

export interface SignedIn {
  readonly account: string | null
  /** A sentence, if another credential still takes precedence over this sign-in. */
  readonly note: string | null
}

/** `POST /api/login/api-key` */
export interface SignInWithKey {
  readonly key: string
}

export interface StoredKey {
  readonly fingerprint: string
  /** A sentence, if another credential still takes precedence over this key. */
  readonly note: string | null
}

/* The sandbox's simulated provider */

/** A request to the simulator, or its action; tokens are named by fingerprint. */
export interface SandboxEvent {
  readonly seq: number
  /** Epoch milliseconds. */
  readonly at: number
  readonly kind: string
  readonly [detail: string]: unknown
}

export interface ActiveFault {
  readonly fault: { readonly target: string; readonly fault: string }
  /** How often it was applied. */
  readonly struck: number
  /** Epoch milliseconds, or null: until it is cleared or used up. */
  readonly until: number | null
}

/** `GET /api/sandbox` */
export interface SandboxState {
  readonly faults: readonly ActiveFault[]
  readonly liveAccessTokens: number
  readonly tokenLifetimeSeconds: number
}

/** `POST /api/sandbox/:action`: what each action answers. */
export interface SandboxActions {
  readonly expire: { readonly ended: number }
  readonly 'revoke-access': { readonly ended: number }
  readonly revoke: { readonly ended: number }
  readonly fault: Pick<ActiveFault, 'fault'>
  readonly repair: Pick<SandboxState, 'faults'>
}

export type SandboxAction = keyof SandboxActions
