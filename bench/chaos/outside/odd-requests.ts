import { request } from 'node:http'
import { connect } from 'node:net'
import { Webhook } from 'standardwebhooks'
import type { OddSender } from './odd-messages.ts'
import type { OddValues } from './odd-values.ts'

/** Where the requests go, and with what right. */
export interface HttpSide {
  readonly port: number
  readonly token: string
  readonly hook: { readonly name: string; readonly secret: string }
}

const MODEL = 'claude-sonnet-5-5'
/** No answer of the gateway to anything here takes that long, unless it is a stream. */
const PATIENCE_MS = 5_000
const LINE_PATIENCE_MS = 2_000
const LARGE_SHARE = 0.01
const PATHS = [
  '/ // /healthz /readyz /metrics /v1/models /v1/models/x /api/status /api/queue /api/conversations /api/figures',
  '/api/conversations/ID/messages /api/conversations/ID/stop /api/conversations/ID/attachments',
  '/api/conversations/ID/events /api/queue/ID/retry /c/ID /api/login/finish /api/session /api/tokens/ID',
  '/hooks/ID /assets/ID /%2e%2e/%00',
].flatMap((paths) => paths.split(' '))
const METHODS = ['GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'OPTIONS', 'HEAD']
const TYPES = [
  'application/json',
  'text/plain',
  'multipart/form-data; boundary=x',
  '',
  'application/json; charset=x',
]

/** Whatever address, method, body and type, with the right token and without. */
export function oddWeb(side: HttpSide, odd: OddValues): OddSender {
  return () => {
    const path = odd
      .pick(PATHS)
      .replace('ID', encodeURIComponent(odd.text().slice(0, 100).toWellFormed()) || 'x')
    const message = { text: odd.text(), messageId: odd.text(), attachments: [odd.text()] }
    const body = odd.chance(LARGE_SHARE) ? odd.large() : JSON.stringify(odd.version(message))
    if (odd.chance(0.2)) return garbage(side, odd)
    if (odd.chance(0.5)) {
      const conversation = `/api/conversations/odd-${odd.below(4)}/messages`
      return send(side, 'POST', conversation, body ?? '', { authorization: `Bearer ${side.token}` })
    }
    return send(side, odd.pick(METHODS), path, body ?? '', {
      'content-type': odd.pick(TYPES),
      authorization: odd.pick([`Bearer ${side.token}`, 'Bearer x', 'Basic x', '']),
      cookie: odd.pick(['', 'hermes_session=x', '=;=;']),
    })
  }
}

/** Requests of the OpenAI kind with parts that are something else. */
export function oddOpenAi(side: HttpSide, odd: OddValues): OddSender {
  return () => {
    const body = {
      model: MODEL,
      messages: [
        { role: 'system', content: odd.text() },
        { role: 'user', content: odd.text() },
        {
          role: 'assistant',
          content: 'x',
          tool_calls: [{ id: '1', function: { name: 'x', arguments: '{' } }],
        },
        {
          role: 'user',
          content: [
            { type: 'text', text: odd.text() },
            { type: 'image_url', image_url: { url: `data:image/png;base64,${odd.text()}` } },
          ],
        },
      ],
      stream: odd.chance(0.3),
      stop: [odd.text()],
      max_tokens: odd.pick([1, 100, -1, 1e300]),
      temperature: 1,
      metadata: { a: odd.text() },
    }
    const text = odd.chance(LARGE_SHARE) ? odd.large() : (JSON.stringify(odd.version(body)) ?? '')
    return send(side, 'POST', '/v1/chat/completions', text, {
      'content-type': 'application/json',
      authorization: `Bearer ${side.token}`,
      ...(odd.chance(0.2) ? { 'x-hermes-hold': 'true' } : {}),
    })
  }
}

/** Deliveries that are signed, badly signed or not signed. */
export function oddWebhook(side: HttpSide, odd: OddValues): OddSender {
  return () => {
    const id = `odd-${odd.below(1e9)}`
    const at = new Date()
    const body = odd.chance(LARGE_SHARE)
      ? odd.large()
      : (JSON.stringify(odd.version({ body: odd.text() })) ?? '')
    const signature = new Webhook(side.hook.secret, { format: 'raw' }).sign(id, at, body)
    return send(side, 'POST', `/hooks/${side.hook.name}`, body, {
      'webhook-id': id,
      'webhook-timestamp': odd.pick([String(Math.floor(at.getTime() / 1_000)), '0', 'x', '9'.repeat(400)]),
      // Those with the right signature are few: the rate of a hook is its senders' together.
      'webhook-signature': odd.chance(0.02)
        ? signature
        : odd.pick(['v1,x', '', ',', `${signature}x`, ' '.repeat(900)]),
    })
  }
}

/** Bytes that are no HTTP, or begin like it and end nowhere. */
function garbage(side: HttpSide, odd: OddValues): Promise<void> {
  const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${side.token}\r\n`
  const bytes = odd.pick([
    odd.text(),
    `${head}Content-Length: 99999\r\n\r\n{"model":`,
    `${head}Transfer-Encoding: chunked\r\n\r\nffffffffffff\r\n`,
    `${head}Content-Length: -1\r\n\r\n`,
    `${head}X: ${'x'.repeat(100_000)}\r\n\r\n`,
    'GET /healthz HTTP/9.9\r\n\r\n',
    '\u0016\u0003\u0001\u0002',
  ])
  return new Promise((resolve) => {
    const socket = connect(side.port, '127.0.0.1', () => socket.write(bytes, 'latin1'))
    socket.on('error', () => {})
    socket.on('close', () => resolve())
    socket.setTimeout(LINE_PATIENCE_MS, () => socket.destroy())
  })
}

function send(
  { port }: HttpSide,
  method: string,
  path: string,
  body: string,
  headers: Record<string, string>,
): Promise<void> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, method, path, headers, agent: false })
    const timer = setTimeout(() => asked.destroy(), PATIENCE_MS)
    asked.on('response', (response) => response.resume())
    asked.on('error', () => {})
    asked.on('close', () => {
      clearTimeout(timer)
      resolve()
    })
    asked.end(body)
  })
}
