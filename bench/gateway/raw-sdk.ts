import Anthropic from '@anthropic-ai/sdk'
import { figuresOf } from '../support/figures.ts'

/**
 * Calls by the official SDK alone: `node raw-sdk.ts BASE_URL AT_ONCE SECONDS [PROVIDER]`. They are streamed; with
 * PROVIDER they go there through the stateless proxy at BASE_URL, whole, because its streams fail with Node's
 * `fetch`. Prints a line when the warm-up is over, and the figures as JSON.
 */
const [baseURL, atOnce, seconds] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])]
const provider = process.argv[5] ?? null
const client = new Anthropic({
  baseURL,
  apiKey: 'sk-ant-api03-TEST-bench',
  authToken: null,
  maxRetries: 0,
  logLevel: 'off',
  ...(provider === null
    ? {}
    : {
        defaultHeaders: { 'x-portkey-provider': 'anthropic', 'x-portkey-custom-host': `${provider}/v1` },
      }),
})

async function call(): Promise<string> {
  let text = ''
  const request: Anthropic.MessageCreateParamsNonStreaming = {
    model: 'claude-sonnet-5-5',
    max_tokens: 4096,
    messages: [{ role: 'user', content: 'How are you today?' }],
  }
  if (provider !== null) {
    const [block] = (await client.messages.create(request)).content
    return block?.type === 'text' ? block.text : ''
  }
  const stream = await client.messages.create({ ...request, stream: true })
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
console.log('warm')
const started = performance.now()
const latencies = await drive(seconds)
console.log(JSON.stringify(figuresOf(latencies, (performance.now() - started) / 1000)))
