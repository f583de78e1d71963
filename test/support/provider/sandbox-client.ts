import { afterEach } from 'vitest'
import { startSandbox, type Sandbox, type SandboxOptions } from '../../../src/sandbox/sandbox.ts'

/** Any public client will do; this one is the default of the configuration. */
export const CLIENT_ID = '9d1c250a-e61b-44d9-88ed-5944d1962f5e'

const open: Sandbox[] = []

/** A sandbox whose tokens a production gateway takes; it is closed after the test. Call it inside a test. */
export async function useSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await startSandbox({ marked: false, ...options })
  open.push(sandbox)
  return sandbox
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((sandbox) => sandbox.close()))
})

/** One request to the token endpoint, in JSON; redirects are not followed. */
export function postToken(sandbox: Sandbox, body: object, signal?: AbortSignal): Promise<Response> {
  return fetch(sandbox.tokenUrl, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal ? { signal } : {}),
  })
}

export function refreshOnce(sandbox: Sandbox, refreshToken: string, signal?: AbortSignal): Promise<Response> {
  const grant = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: CLIENT_ID }
  return postToken(sandbox, grant, signal)
}

/** Does the Messages API take this access token now? */
export async function isAccepted(sandbox: Sandbox, token: string): Promise<boolean> {
  const headers = { authorization: `Bearer ${token}`, 'anthropic-beta': 'oauth-2025-04-20' }
  return (await fetch(`${sandbox.url}/v1/models`, { headers })).ok
}

/** Says `text` to the model, without streaming; the text of the answer, or of the error. */
export async function say(sandbox: Sandbox, text: string, token = sandbox.signIn().accessToken) {
  const answer = await fetch(`${sandbox.url}/v1/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'anthropic-beta': 'oauth-2025-04-20' },
    body: JSON.stringify({
      model: 'claude-sonnet-5-5',
      max_tokens: 10,
      messages: [{ role: 'user', content: text }],
    }),
  })
  const body = (await answer.json()) as { content?: [{ text: string }]; error?: { message: string } }
  return { status: answer.status, text: body.content?.[0].text ?? body.error?.message ?? '' }
}
