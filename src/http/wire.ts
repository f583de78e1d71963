/**
 * Everything that the HTTP API sends and takes, as types alone. The handlers answer with these, the
 * page, the commands and the event streams read them, so that a change on one side fails to compile on
 * the other. Imports nothing: the page's bundle holds no part of the gateway.
 */

/** ISO 8601 in UTC. */
type IsoTime = string

/** How every list is sent. */
export interface List<Item> {
  readonly items: readonly Item[]
}

/** Every answer that is no success; `message` is a sentence for the reader. */
export interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string }
}

/** Done, and there is nothing to add. */
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
  /** With what stands before an answer, such as which message it answers. */
  readonly text: string
  readonly state: MessageState
  readonly at: IsoTime
  /** Order within the conversation. */
  readonly seq: number
  /** Moves with every change: of two versions of one message the higher one is newer. */
  readonly revision: number
  /** The client's own name for a message that it posted. */
  readonly messageId?: string
  readonly attachments?: readonly AttachmentInfo[]
}

/** `GET /api/conversations/:id/messages` */
export interface MessagePage extends List<MessageItem> {
  /** Where the event stream goes on from what is printed here. */
  readonly revision: number
}

/** `POST /api/conversations/:id/messages` */
export interface PostMessage {
  readonly text?: string
  /** The client's own name for it: posted again, it is the same message. */
  readonly messageId?: string
  readonly attachments?: readonly string[]
}

/** What became of a posted message, durably. */
export interface MessageReceipt {
  /** null: it was not kept, such as a pasted sign-in code. */
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

/** A piece of the answer in hand: it stands at `offset`, and what stood there and after it goes. */
export interface DeltaEvent {
  readonly conversation: string
  readonly turnId: string
  readonly offset: number
  readonly text: string
  /** No answer is in hand any more. */
  readonly done?: true
}

/** The parts of the dashboard that change as one. */
export type Topic = 'queue' | 'incident' | 'figures' | 'credential' | 'channels'

/** A part of the dashboard has changed; whoever knows another version reads it anew. */
export interface TopicEvent {
  readonly version: string
}

/** What the sandbox's stand-in did; `life` names the run of the gateway in which `seq` counts. */
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
  readonly status: StatusLine
  readonly sandbox: SandboxEvents
}

export type EventName = keyof EventBodies

/** `GET /readyz`: 200, or 503 with what stands in the way. */
export type ReadyReport =
  | { readonly status: 'ready' }
  | { readonly status: string; readonly reason: string | null }

/** What the page's first line shows. */
export interface StatusLine {
  readonly ready: boolean
  /** `ready`, or as `/readyz` prints it. */
  readonly status: string
  readonly reason: string | null
  /** One sentence that a lay person understands. */
  readonly sentence: string
  readonly held: number
  readonly parked: number
  readonly sandbox: boolean
  /** A person can mend it here and now, by signing in on the page. */
  readonly signIn: boolean
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

/** What a narrower token may do: talk, or read the figures. */
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

/** `POST /api/login/finish`: with what the person pasted, or agreeing to another account than before. */
export interface FinishLogin {
  readonly session: string
  readonly code?: string
  readonly replace?: true
}

export interface SignedIn {
  readonly account: string | null
  /** A sentence, where something else than this sign-in is still in use. */
  readonly note: string | null
}

/** `POST /api/login/api-key` */
export interface SignInWithKey {
  readonly key: string
}

export interface StoredKey {
  readonly fingerprint: string
  /** A sentence, where something else than this key is still in use. */
  readonly note: string | null
}

/* The sandbox's stand-in for the provider */

/** Something that the stand-in did or was asked; tokens are named by fingerprint. */
export interface SandboxEvent {
  readonly seq: number
  /** Epoch milliseconds. */
  readonly at: number
  readonly kind: string
  readonly [detail: string]: unknown
}

export interface ActiveFault {
  readonly fault: { readonly target: string; readonly fault: string }
  /** How often it has struck. */
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
