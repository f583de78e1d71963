import type { Clock } from '../support/clock.ts'
import type { Log } from '../support/log.ts'
import type { SandboxEvent, SandboxCounts } from './control/event-log.ts'
import type { Fault, FaultTarget } from './faults/fault-names.ts'
import type { BillRow } from './messages/bill.ts'
import type { SimulatedModel } from './messages/model-table.ts'

export interface SandboxOptions {
  /** The port to listen on; 0 or left out: any free one. */
  readonly port?: number
  /** Life of an access token, in seconds. */
  readonly tokenLifetimeSeconds?: number
  /** Life of a sign-in, in seconds; refreshing does not extend it. */
  readonly refreshTokenLifetimeSeconds?: number
  /**
   * true: tokens carry the mark that production refuses. false: they carry `TEST`, for tests of a
   * production gateway.
   */
  readonly marked?: boolean
  /** Expiry and the duration of faults follow this clock; delays on the wire are always real time. */
  readonly clock?: Clock
  /** How the simulated model answers at first; `control.answer` changes it. */
  readonly answer?: Partial<AnswerPlan>
  /** Short for `answer.delayMs`. */
  readonly answerDelayMs?: number
  /** Accept any `x-api-key` that looks like one, not only those issued here. */
  readonly acceptAnyApiKey?: boolean
  /** A refresh ends the access token before it at once; otherwise that lives to its own end. */
  readonly revokeAccessOnRotation?: boolean
  /** How many of the last requests to the model are kept for inspection; 0 for benchmarks. */
  readonly keepRequests?: number
  /** What the account has; left out: a model of each kind. */
  readonly models?: readonly SimulatedModel[]
  readonly log?: Log
}

/** How the simulated model answers. */
export interface AnswerPlan {
  /**
   * `friendly` quotes the last message in some Markdown; `echo` says `Echo: <text>`;
   * `text` and `bytes` give a fixed text or one of that size.
   */
  readonly style: 'friendly' | 'echo' | { readonly text: string } | { readonly bytes: number }
  /** In-process only: computes the answer; wins over `style`. */
  readonly reply: ((question: Question) => string | ScriptedReply) | null
  /** Milliseconds before the first byte. */
  readonly delayMs: number
  /** Milliseconds between two pieces of text; 0: all at once, without timers. */
  readonly deltaDelayMs: number
  readonly wordsPerDelta: number
  /** Why it ends, in the words of the Messages API. */
  readonly stopReason: string
  /** Every answer begins with thinking, where the request lets the model think. */
  readonly thinks: boolean
}

/** An answer of several blocks, in this order. */
export interface ScriptedReply {
  readonly thinking?: string
  readonly text?: string
  /** Calls of tools that the client runs. */
  readonly calls?: ReadonlyArray<{ readonly name: string; readonly input: Readonly<Record<string, unknown>> }>
  /** Left out: `tool_use` with calls, else as the plan says. */
  readonly stopReason?: string
}

/** What the model was asked. */
export interface Question {
  readonly model: string
  /** The text of the last user message, its text blocks joined by line breaks. */
  readonly text: string
  /** How many user messages the conversation has. */
  readonly turns: number
  /** Pictures and documents in the last user message. */
  readonly attachments: number
  readonly system: string | null
  /** All of the conversation, as it came. */
  readonly messages: ReadonlyArray<{ readonly role: string; readonly content: unknown }>
  /** What tools returned, where the newest message holds results. */
  readonly results: readonly ToolResult[]
}

/** The result of a client's tool. */
export interface ToolResult {
  /** The name of the tool that was called. */
  readonly tool: string
  /** Its text; other blocks by their kind. */
  readonly text: string
  readonly isError: boolean
}

/** One request to `POST /v1/messages`, as it came. */
export interface RecordedRequest extends Question {
  readonly maxTokens: number | null
  readonly effort: string | null
  readonly at: number
  readonly tools: readonly unknown[]
  /** Of every byte of its body: a request that is sent again must have the same. */
  readonly digest: string
  readonly stream: boolean
  /** Of the presented token or key. */
  readonly fingerprint: string
  readonly userAgent: string
  /** The status of the answer (200 also where the stream failed later). */
  readonly status: number
}

export interface SignInOptions {
  readonly accountId?: string
  readonly email?: string
  readonly scopes?: readonly string[]
  readonly tokenLifetimeSeconds?: number
  readonly refreshTokenLifetimeSeconds?: number
}

/** A sign-in as issued. Tokens are plain strings: they are worth nothing outside this process. */
export interface IssuedSignIn {
  readonly accessToken: string
  readonly refreshToken: string
  /** Epoch milliseconds. */
  readonly issuedAt: number
  readonly expiresAt: number
  readonly refreshTokenExpiresAt: number
  readonly scopes: readonly string[]
  readonly accountId: string
  readonly email: string
  readonly organizationId: string
}

export interface ActiveFault {
  readonly fault: Fault
  /** How often it has struck. */
  readonly struck: number
  /** Epoch milliseconds, or null: until it is cleared or used up. */
  readonly until: number | null
}

export interface FaultHandle extends ActiveFault {
  clear(): void
}

/** The faults and switches, driven in-process; the control API does the same over HTTP. */
export interface SandboxControl {
  /** Switches a fault on. Several on one endpoint strike in the order in which they were given. */
  fault(fault: Fault): FaultHandle
  faults(): readonly ActiveFault[]
  /** Ends all faults, or those of one endpoint. */
  repair(target?: FaultTarget): void
  /** Every live access token expires now; refreshing still works. Returns how many ended. */
  expire(): number
  /** Every access token is revoked before its time; refreshing still works. */
  revokeAccess(): number
  /** Every sign-in (or one account's) is revoked: access and refresh tokens. */
  revoke(accountId?: string): number
  /** API keys issued so far are rejected from now on. */
  revokeApiKeys(): number
  /** Changes how the model answers. */
  answer(plan: Partial<AnswerPlan>): void
}

export interface SandboxState {
  readonly counts: SandboxCounts
  /** What the answers would have cost, a row a model. */
  readonly bill: readonly BillRow[]
  readonly faults: readonly ActiveFault[]
  readonly liveAccessTokens: number
  readonly tokenLifetimeSeconds: number
  readonly now: number
}

export interface Sandbox {
  /** `http://127.0.0.1:PORT`, without a slash at the end: the base URL of the Messages API. */
  readonly url: string
  readonly port: number
  readonly authorizeUrl: string
  readonly tokenUrl: string
  readonly redirectUri: string
  readonly control: SandboxControl
  /** The last requests to the model, oldest first. */
  readonly requests: readonly RecordedRequest[]
  /** The last events, oldest first. */
  readonly events: readonly SandboxEvent[]
  readonly counts: SandboxCounts
  state(): SandboxState
  /** Calls `listener` with each event from now on; returns a function that ends it. */
  subscribe(listener: (event: SandboxEvent) => void): Disposable
  /** A new sign-in, as if somebody had gone through the authorize page. */
  signIn(options?: SignInOptions): IssuedSignIn
  /** A token for inference alone that lives a year and cannot be refreshed. */
  setupToken(): string
  apiKey(): string
  /**
   * Approves `authorizeUrl` on behalf of the person.
   *
   * @returns what the page would show for copying: `code#state`
   * @throws Error when the address is not one that the page would accept
   */
  authorize(authorizeUrl: string, options?: Pick<SignInOptions, 'accountId' | 'email'>): string
  close(): Promise<void>
}
