import { Agent, request, type OutgoingHttpHeaders } from 'node:http'
import { connect, type Socket } from 'node:net'
import { hostileText, HOSTILE_PIECES } from './hostile-texts.ts'

/**
 * One attack on a running gateway, for a while: `node hostile.ts NAME URL TOKEN SECONDS`. All that the
 * gateway refuses is as good as what it takes: measured is whom it keeps waiting.
 */
const [name, url, token] = [process.argv[2]!, process.argv[3]!, process.argv[4]!]
const endsAt = performance.now() + Number(process.argv[5]) * 1_000
const agent = new Agent({ keepAlive: true, maxSockets: 200 })
const { hostname, port } = new URL(url)
const MIB = 1024 * 1024
const TEXT = 64 * 1024 - 16
const LARGEST = 19 * MIB
const AT_ONCE = 8
const CONNECTIONS = 2_000
const READERS = 40
/** Rows of the long conversation, each as long as a message may be. */
const ROWS = 120

const bearer = (value: string) => ({ authorization: `Bearer ${value}` })

/** Resolves with the status; 0 = the connection broke. */
function send(
  method: string,
  path: string,
  headers: OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<number> {
  return new Promise((resolve) => {
    const call = request(new URL(path, url), { method, headers, agent }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode!))
      response.on('error', () => resolve(0))
    })
    call.on('error', () => resolve(0))
    call.setTimeout(20_000, () => call.destroy())
    call.end(body)
  })
}

async function chatToken(): Promise<string> {
  const response = await fetch(`${url}/api/tokens`, {
    method: 'POST',
    headers: bearer(token),
    body: JSON.stringify({ scope: 'chat' }),
  })
  return ((await response.json()) as { token: string }).token
}

const post = (chat: string, conversation: string, text: string) =>
  send('POST', `/api/conversations/${conversation}/messages`, bearer(chat), JSON.stringify({ text }))

const complete = (chat: string, messages: readonly object[]) =>
  send('POST', '/v1/chat/completions', bearer(chat), JSON.stringify({ model: MODEL, messages }))

const MODEL = (
  (await (await fetch(`${url}/v1/models`, { headers: bearer(token) })).json()) as { data: { id: string }[] }
).data[0]!.id

/** Runs `work` again and again, so many at once, until the time is over. */
async function repeat(atOnce: number, work: (n: number) => Promise<unknown>): Promise<void> {
  let n = 0
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (performance.now() < endsAt) await work(n++)
    }),
  )
}

const ATTACKS: Readonly<Record<string, () => Promise<void>>> = {
  async harmless() {
    const chat = await chatToken()
    await repeat(2, async (n) => {
      await post(chat, `c${n % 50}`, `Message ${n}`)
      await complete(chat, [{ role: 'user', content: `Question ${n}` }])
      await new Promise((resolve) => setTimeout(resolve, 50))
    })
  },

  async 'hostile-text'() {
    const chat = await chatToken()
    await repeat(AT_ONCE, async (n) => {
      const piece = HOSTILE_PIECES[n % HOSTILE_PIECES.length]!
      switch (n % 4) {
        case 0:
          return post(chat, `h${n % 50}`, hostileText(piece, TEXT / Buffer.byteLength(piece)))
        case 1:
          return complete(chat, [
            { role: 'user', content: hostileText(piece, MIB) },
            { role: 'assistant', content: hostileText(piece, MIB) },
            { role: 'user', content: hostileText(piece, TEXT) },
          ])
        case 2: {
          const image_url = { url: `data:image/png;base64,${hostileText(piece, MIB)}` }
          return complete(chat, [{ role: 'user', content: [{ type: 'image_url', image_url }] }])
        }
        default:
          return send(
            'POST',
            '/hooks/hook',
            { 'webhook-signature': hostileText('v1,', 8_000) },
            hostileText(piece, TEXT),
          )
      }
    })
  },

  async 'huge-bodies'() {
    const chats = [await chatToken(), await chatToken(), await chatToken()]
    const text = JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'y'.repeat(LARGEST) }] })
    const nested = `{"a":${'['.repeat(MIB)}`
    const picture = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(LARGEST)])
    const endless = chats.flatMap((chat) => Array.from({ length: AT_ONCE }, () => unfinished(chat)))
    await repeat(AT_ONCE, async (n) => {
      const chat = chats[n % chats.length]!
      if (n % 3 === 0) return send('POST', '/v1/chat/completions', bearer(chat), text)
      if (n % 3 === 1) return send('POST', '/v1/chat/completions', bearer(chat), nested)
      return send('POST', '/api/conversations/u/attachments?name=a.png', bearer(chat), picture)
    })
    for (const socket of endless) socket.destroy()
  },

  async connections() {
    const chat = await chatToken()
    const sockets = Array.from({ length: CONNECTIONS }, (_, n) => {
      const socket = open()
      // A third says nothing, a third never ends its headers, a third follows events.
      if (n % 3 === 1) socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ')
      if (n % 3 === 2)
        socket.write(`GET /api/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${chat}\r\n\r\n`)
      return socket
    })
    await repeat(AT_ONCE, (n) => send('GET', '/api/status', bearer(`wrong-${n}`)))
    for (const socket of sockets) socket.destroy()
  },

  async pages() {
    const chat = await chatToken()
    for (let n = 0; n < ROWS; n++) await post(chat, 'long', 'z'.repeat(TEXT))
    await repeat(READERS, () => send('GET', '/api/conversations/long/messages', bearer(chat)))
  },
}

function open(): Socket {
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  socket.resume()
  return socket
}

/** Announces 20 MB, sends most of it, and leaves the rest to be waited for. */
function unfinished(chat: string): Socket {
  const socket = open()
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${chat}\r\nContent-Length: ${LARGEST}\r\n\r\n`,
  )
  socket.write(Buffer.alloc(LARGEST - 1, 'x'))
  return socket
}

await ATTACKS[name]!()
agent.destroy()
console.log('{}')
process.exit(0)
