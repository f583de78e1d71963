import { Agent, request } from 'node:http'
import { figuresOf } from '../support/figures.ts'

/**
 * Posts messages and waits for nothing but their acceptance:
 * `node post.ts URL TOKEN PREFIX CONVERSATIONS EACH`. Prints the figures as JSON.
 */
const [url, token, prefix] = [process.argv[2]!, process.argv[3]!, process.argv[4]!]
const [conversations, each] = [Number(process.argv[5]), Number(process.argv[6])]
const AT_ONCE = 50
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })
const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }

function post(conversation: number, message: number): Promise<void> {
  const path = `/api/conversations/${prefix}-${conversation}/messages`
  return new Promise((resolve, reject) => {
    const call = request(new URL(path, url), { method: 'POST', headers, agent }, (response) => {
      response.resume()
      if (response.statusCode !== 202)
        return reject(new Error(`a message was answered ${response.statusCode}`))
      response.on('end', resolve)
    })
    call.on('error', reject)
    call.end(JSON.stringify({ text: `Message ${message} of conversation ${conversation}` }))
  })
}

const latencies: number[] = []
const started = performance.now()
let next = 0
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (;;) {
      const number = next++
      if (number >= conversations * each) return
      const began = performance.now()
      await post(number % conversations, Math.floor(number / conversations))
      latencies.push(performance.now() - began)
    }
  }),
)
console.log(JSON.stringify(figuresOf(latencies, (performance.now() - started) / 1000)))
process.exit(0)
