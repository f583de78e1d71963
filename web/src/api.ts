/** What the gateway's API answers, as far as the page reads it. */
export type MessageState = 'received' | 'answering' | 'held' | 'answered' | 'refused' | 'withdrawn' | 'parked'

export interface AttachmentInfo {
  readonly id: string
  readonly mediaType: string
  readonly name: string
  readonly size: number
}

export interface Item {
  readonly id: string
  readonly role: 'user' | 'assistant' | 'notice'
  readonly text: string
  readonly state: MessageState
  readonly at: string
  readonly seq: number
  readonly revision: number
  readonly messageId?: string
  readonly attachments?: readonly AttachmentInfo[]
}

export interface ConversationEntry {
  readonly id: string
  readonly lastAt: string
  readonly preview: string
}

export interface StatusLine {
  readonly ready: boolean
  readonly status: string
  readonly reason: string | null
  readonly sentence: string
  readonly held: number
  readonly parked: number
  readonly sandbox: boolean
  readonly signIn: boolean
}

/** Something that the sandbox's stand-in did or was asked; tokens are named by fingerprint. */
export interface SandboxEvent {
  readonly seq: number
  /** Epoch milliseconds. */
  readonly at: number
  readonly kind: string
  readonly [detail: string]: unknown
}

/** The gateway refused; `message` is a sentence for the reader. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }

  /** Would the same request work later, without a change? */
  get temporary(): boolean {
    return this.status === 429 || this.status >= 500
  }
}

/** @throws ApiError when the gateway refuses; TypeError when it cannot be reached */
export async function call<T>(method: string, path: string, body?: BodyInit, type?: string): Promise<T> {
  const response = await fetch(path, {
    method,
    ...(body === undefined ? {} : { body }),
    ...(type === undefined ? {} : { headers: { 'content-type': type } }),
  })
  const parsed = (await response.json().catch(() => null)) as {
    error?: { code?: string; message?: string }
  } | null
  if (response.ok) return parsed as T
  throw new ApiError(
    response.status,
    parsed?.error?.code ?? 'unknown',
    parsed?.error?.message ?? 'The gateway did not take this.',
  )
}

export const post = <T>(path: string, body: unknown): Promise<T> =>
  call('POST', path, JSON.stringify(body), 'application/json')

const at = (conversation: string): string => `/api/conversations/${encodeURIComponent(conversation)}`

/** Exchanges the one-use ticket of a printed address for a cookie. */
export const openSession = (ticket: string): Promise<unknown> => post('/api/session', { ticket })

export interface StartedLogin {
  readonly authorizeUrl: string
  readonly session: string
}

export const startLogin = (): Promise<StartedLogin> => post('/api/login/start', {})

export interface SignedIn {
  readonly account: string | null
  /** A sentence, where something else than this sign-in is still in use. */
  readonly note?: string | null
}

export const finishLogin = (session: string, code: string): Promise<SignedIn> =>
  post('/api/login/finish', { session, code })

/** Another account may take the place of the present one. */
export const confirmLogin = (session: string): Promise<SignedIn> =>
  post('/api/login/finish', { session, replace: true })

export const listConversations = async (): Promise<readonly ConversationEntry[]> =>
  (await call<{ items: ConversationEntry[] }>('GET', '/api/conversations')).items

export const readMessages = (
  conversation: string,
  limit: number,
  before?: number,
): Promise<{ items: readonly Item[]; revision: number }> =>
  call('GET', `${at(conversation)}/messages?limit=${limit}${before === undefined ? '' : `&before=${before}`}`)

export const postMessage = (
  conversation: string,
  message: { text: string; messageId: string; attachments: readonly string[] },
): Promise<{ id: string | null; state: MessageState }> => post(`${at(conversation)}/messages`, message)

export const stopAnswer = (conversation: string): Promise<unknown> => post(`${at(conversation)}/stop`, {})

export const upload = (conversation: string, file: File): Promise<AttachmentInfo> =>
  call('POST', `${at(conversation)}/attachments?name=${encodeURIComponent(file.name)}`, file)

export const attachmentAddress = (conversation: string, id: string): string =>
  `${at(conversation)}/attachments/${encodeURIComponent(id)}`
