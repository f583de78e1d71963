import Anthropic from '@anthropic-ai/sdk'
import { figuresOf } from '../support/figures.ts'

/** Streamed calls by the official SDK alone: `node raw-sdk.ts BASE_URL AT_ONCE SECONDS`. Prints the figures as JSON. */
const [baseURL, atOnce, seconds] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])]
const client = new Anthropic({
  baseURL,
  apiKey: 'sk-ant-api03-TEST-bench',
  authToken: null,
  maxRetries: 0,
  logLevel: 'off',
})

async function call(): Promise<string> {
  let text = ''
  const stream = await client.messages.create({
    model: 'claude-sonnet-5-5',
    max_tokens: 4096,
    messages: [{ role: 'user', content: 'How are you today?' }],
    stream: true,
  })
  for await (const event of stream) {
    if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') text += event.delta.text
  }
  return text
}

async function drive(forSeconds: number): Promise<number[]> {
  const latencies: number[] = []
  const end = performance.now() + forSeconds * 1000
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (performance.now() < end) {
        const started = performance.now()
        if ((await call()) !== 'Echo: How are you today?') throw new Error('a wrong answer')
        latencies.push(performance.now() - started)
      }
    }),
  )
  return latencies
}

// Code is compiled and connections are open before the clock starts.
await drive(Math.min(2, seconds / 2))
const started = performance.now()
const latencies = await drive(seconds)
console.log(JSON.stringify(figuresOf(latencies, (performance.now() - started) / 1000)))
