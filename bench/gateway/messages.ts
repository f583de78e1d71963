import { Agent, request, type ClientRequest } from 'node:http'
import { figuresOf } from '../support/figures.ts'

/**
 * Messages through a gateway: `node messages.ts URL TOKEN CONVERSATIONS SECONDS [WARM-UP]`. Each conversation
 * asks, waits for the stored answer on its event stream, and asks again; after 20 turns it starts over. Prints a
 * line when the warm-up is over, and the figures as JSON.
 */
const [url, token] = [process.argv[2]!, process.argv[3]!]
const [conversations, seconds] = [Number(process.argv[4]), Number(process.argv[5])]
const warmUpSeconds = Number(process.argv[6] ?? Math.min(2, seconds / 2))
const agent = new Agent({ keepAlive: true })
const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
const body = JSON.stringify({ text: 'How are you today?' })

/** People start over now and then: an endless history would only measure the history. */
const TURNS = 20

class Conversation {
  readonly #path: string
  #answered: (() => void) | null = null
  #stream: ClientRequest | null = null
  #asked = 0

  constructor(name: string) {
    this.#path = `/api/conversations/${name}`
  }

  get isLong(): boolean {
    return this.#asked >= TURNS
  }

  /** Follows the event stream; each stored answer wakes `ask`. */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      const stream = request(new URL(`${this.#path}/events`, url), { headers, agent: false }, (response) => {
        if (response.statusCode !== 200)
          return reject(new Error(`the event stream answered ${response.statusCode}`))
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
          for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
            const event = text.slice(0, end)
            text = text.slice(end + 2)
            if (event.includes('event: message') && event.includes('"role":"assistant"')) this.#answered?.()
          }
        })
        resolve()
      })
      stream.on('error', reject)
      stream.end()
      this.#stream = stream
    })
  }

  close(): void {
    this.#stream?.destroy()
  }

  async ask(): Promise<void> {
    this.#asked++
    const answered = new Promise<void>((resolve) => (this.#answered = resolve))
    await post(`${this.#path}/messages`)
    await answered
  }
}

function post(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = request(new URL(path, url), { method: 'POST', headers, agent }, (response) => {
      response.resume()
      if (response.statusCode !== 202)
        return reject(new Error(`a message was answered ${response.statusCode}`))
      response.on('end', resolve)
    })
    call.on('error', reject)
    call.end(body)
  })
}

async function drive(forSeconds: number): Promise<number[]> {
  const latencies: number[] = []
  const end = performance.now() + forSeconds * 1000
  await Promise.all(
    Array.from({ length: conversations }, async () => {
      let conversation = await begin()
      while (performance.now() < end) {
        const started = performance.now()
        await conversation.ask()
        latencies.push(performance.now() - started)
        if (!conversation.isLong) continue
        conversation.close()
        conversation = await begin()
      }
      conversation.close()
    }),
  )
  return latencies
}

let begun = 0
async function begin(): Promise<Conversation> {
  const conversation = new Conversation(`bench-${process.pid}-${++begun}`)
  await conversation.open()
  return conversation
}

// Code is compiled and connections are open before the clock starts.
await drive(warmUpSeconds)
console.log('warm')
const started = performance.now()
const latencies = await drive(seconds)
console.log(JSON.stringify(figuresOf(latencies, (performance.now() - started) / 1000)))
process.exit(0)
