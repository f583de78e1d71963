import { Webhook } from 'standardwebhooks'
import type { GatewayProcess } from '../../../test/support/processes/gateway-process.ts'
import { pause } from '../../../test/support/until.ts'
import type { HonestPlace } from './honest-chat.ts'

const MODEL = 'claude-sonnet-5-5'
const RETRY_MS = 200
/** Of one request, and of a program that asks again. */
const REQUEST_MS = 60_000
const PATIENCE_MS = 240_000
/** A hook takes 20 deliveries a minute. */
const HOOK_PACE_MS = 8_000
const PACE_MS = 1_000

/** The web chat. */
export function webPlace(gateway: GatewayProcess): HonestPlace {
  const conversation = 'honest'
  return {
    name: 'web',
    paceMs: PACE_MS,
    say: (text) =>
      persistently(async () => {
        const response = await gateway.say(conversation, text, text.replaceAll(/\W/g, '-'))
        await response.text()
        return response.status === 202
      }),
    answers: reader(gateway, conversation),
  }
}

/** A program at the OpenAI-compatible address: what it is answered is what it sees. */
export function openAiPlace(gateway: GatewayProcess): HonestPlace {
  const seen: string[] = []
  return {
    name: 'openai',
    paceMs: PACE_MS,
    say: (text) =>
      persistently(async () => {
        const response = await gateway.fetch('/v1/chat/completions', {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'idempotency-key': text, 'x-hermes-hold': 'true' },
          body: JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: text }] }),
          signal: AbortSignal.timeout(REQUEST_MS),
        })
        const answer = (await response.json()) as { choices: Array<{ message: { content: string } }> }
        if (response.status !== 200) return false
        seen.push(answer.choices[0]!.message.content)
        return true
      }),
    answers: () => seen,
  }
}

/** A program behind a webhook, whose deliveries are answered in a conversation of the web chat. */
export function hookPlace(
  gateway: GatewayProcess,
  hook: { readonly name: string; readonly secret: string; readonly conversation: string },
): HonestPlace {
  return {
    name: 'webhook',
    paceMs: HOOK_PACE_MS,
    say: (text) =>
      persistently(async () => {
        const at = new Date()
        const id = text.replaceAll(/\W/g, '-')
        const response = await fetch(`${gateway.url}/hooks/${hook.name}`, {
          method: 'POST',
          body: text,
          headers: {
            'webhook-id': id,
            'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
            'webhook-signature': new Webhook(hook.secret, { format: 'raw' }).sign(id, at, text),
          },
          signal: AbortSignal.timeout(REQUEST_MS),
        })
        await response.text()
        return response.status === 202
      }),
    answers: reader(gateway, hook.conversation),
  }
}

/** Reads what is new of a conversation, and knows the rest. */
function reader(gateway: GatewayProcess, conversation: string): () => Promise<readonly string[]> {
  const known = new Map<string, string>()
  return async () => {
    const path = `/api/conversations/${conversation}/messages?limit=30`
    const { items } = await gateway.json<{ items: Array<{ id: string; role: string; text: string }> }>(path)
    for (const { id, role, text } of items) if (role === 'assistant') known.set(id, text)
    return [...known.values()]
  }
}

/** A client that is told to come again, or hears nothing, comes again. */
async function persistently(ask: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (performance.now() < end) {
    if (await ask().catch(() => false)) return
    await pause(RETRY_MS)
  }
}
