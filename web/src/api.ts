import { PRINCIPAL_HEADER } from '../../src/http/wire.ts'
import type {
  AttachmentInfo,
  ConversationEntry,
  Done,
  ErrorBody,
  FinishLogin,
  List,
  MessagePage,
  MessageReceipt,
  OpenSession,
  PostMessage,
  PrincipalId,
  SignedIn,
  StartedLogin,
} from '../../src/http/wire.ts'

/** The gateway refused; `message` is a sentence for the reader. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }

  /** Could the same request succeed later, unchanged? */
  get temporary(): boolean {
    return this.status === 429 || this.status >= 500
  }
}

/** @throws ApiError when the gateway refuses; TypeError when it cannot be reached */
export async function call<Answer>(
  method: string,
  path: string,
  body?: BodyInit,
  headers: Readonly<Record<string, string>> = {},
  signal: AbortSignal | null = null,
): Promise<Answer> {
  const response = await fetch(path, { method, headers, signal, ...(body === undefined ? {} : { body }) })
  const parsed: unknown = await response.json().catch(() => null)
  if (response.ok) return parsed as Answer
  // A proxy in between may answer anything.
  const { error } = (parsed ?? {}) as { error?: Partial<ErrorBody['error']> }
  throw new ApiError(
    response.status,
    error?.code ?? 'unknown',
    error?.message ?? 'The gateway rejected this.',
  )
}

export const post = <Body, Answer>(path: string, body: Body): Promise<Answer> =>
  call('POST', path, JSON.stringify(body), JSON_BODY)

const JSON_BODY = { 'content-type': 'application/json' }

/** A message is stored within a second; a connection that takes longer is as good as none. */
const POST_TIMEOUT_MS = 30_000
/** 20 MB over a slow mobile network. */
const UPLOAD_TIMEOUT_MS = 300_000

const at = (conversation: string): string => `/api/conversations/${encodeURIComponent(conversation)}`

/** Exchanges the one-use ticket of a printed address for a cookie. */
export const openSession = (ticket: string): Promise<Done> =>
  post<OpenSession, Done>('/api/session', { ticket })

export const startLogin = (): Promise<StartedLogin> => post('/api/login/start', {})

export const finishLogin = (session: string, code: string): Promise<SignedIn> =>
  post<FinishLogin, SignedIn>('/api/login/finish', { session, code })

/** Replaces the current account. */
export const confirmLogin = (session: string): Promise<SignedIn> =>
  post<FinishLogin, SignedIn>('/api/login/finish', { session, replace: true })

export const listConversations = async (): Promise<readonly ConversationEntry[]> =>
  (await call<List<ConversationEntry>>('GET', '/api/conversations')).items

/** Who is signed in. */
export const readPrincipal = async (): Promise<string> =>
  (await call<PrincipalId>('GET', '/api/principal')).id

export const readMessages = (conversation: string, limit: number, before?: number): Promise<MessagePage> =>
  call('GET', `${at(conversation)}/messages?limit=${limit}${before === undefined ? '' : `&before=${before}`}`)

/** @param principal who wrote it: refused where somebody else is signed in by now */
export const postMessage = (
  conversation: string,
  message: PostMessage,
  principal: string,
): Promise<MessageReceipt> =>
  call(
    'POST',
    `${at(conversation)}/messages`,
    JSON.stringify(message),
    { ...JSON_BODY, [PRINCIPAL_HEADER]: principal },
    AbortSignal.timeout(POST_TIMEOUT_MS),
  )

export const stopAnswer = (conversation: string): Promise<MessageReceipt> =>
  post(`${at(conversation)}/stop`, {})

export const upload = (
  conversation: string,
  name: string,
  file: Blob,
  principal: string,
): Promise<AttachmentInfo> =>
  call(
    'POST',
    `${at(conversation)}/attachments?name=${encodeURIComponent(name)}`,
    file,
    { [PRINCIPAL_HEADER]: principal },
    AbortSignal.timeout(UPLOAD_TIMEOUT_MS),
  )

export const attachmentAddress = (conversation: string, id: string): string =>
  `${at(conversation)}/attachments/${encodeURIComponent(id)}`
