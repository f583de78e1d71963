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
  type?: string,
): Promise<Answer> {
  const response = await fetch(path, {
    method,
    ...(body === undefined ? {} : { body }),
    ...(type === undefined ? {} : { headers: { 'content-type': type } }),
  })
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
  call('POST', path, JSON.stringify(body), 'application/json')

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

export const readMessages = (conversation: string, limit: number, before?: number): Promise<MessagePage> =>
  call('GET', `${at(conversation)}/messages?limit=${limit}${before === undefined ? '' : `&before=${before}`}`)

export const postMessage = (conversation: string, message: PostMessage): Promise<MessageReceipt> =>
  post(`${at(conversation)}/messages`, message)

export const stopAnswer = (conversation: string): Promise<MessageReceipt> =>
  post(`${at(conversation)}/stop`, {})

export const upload = (conversation: string, file: File): Promise<AttachmentInfo> =>
  call('POST', `${at(conversation)}/attachments?name=${encodeURIComponent(file.name)}`, file)

export const attachmentAddress = (conversation: string, id: string): string =>
  `${at(conversation)}/attachments/${encodeURIComponent(id)}`
