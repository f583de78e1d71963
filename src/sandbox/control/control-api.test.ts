import { request as httpRequest } from 'node:http'
import { describe, expect, it } from 'vitest'
import { say, useSandbox } from '../../../test/support/provider/sandbox-client.ts'
import type { Sandbox } from '../sandbox.ts'

async function control(sandbox: Sandbox, method: string, path: string, body?: object) {
  const init = { method, ...(body ? { body: JSON.stringify(body) } : {}) }
  const answer = await fetch(`${sandbox.url}/sandbox${path}`, init)
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

describe('the control API', () => {
  it('switches a fault on, shows it, counts what it struck, and ends it', async () => {
    const sandbox = await useSandbox()
    const fault = { target: 'messages', fault: '500', times: 2 }
    expect((await control(sandbox, 'POST', '/faults', fault)).status).toBe(200)
    expect((await say(sandbox, 'hello')).status).toBe(500)
    const state = (await control(sandbox, 'GET', '/state')).body
    expect(state['faults']).toMatchObject([{ fault, struck: 1 }])
    expect(state['counts']).toMatchObject({ messageRequests: 1, failures: 1 })
    await control(sandbox, 'DELETE', '/faults')
    expect((await say(sandbox, 'hello')).status).toBe(200)
  })

  it('lets several faults strike in the order in which they were given', async () => {
    const sandbox = await useSandbox()
    for (const fault of ['500', 'overloaded-529']) {
      await control(sandbox, 'POST', '/faults', { target: 'messages', fault, times: 1 })
    }
    expect((await say(sandbox, 'a')).status).toBe(500)
    expect((await say(sandbox, 'b')).status).toBe(529)
    expect((await say(sandbox, 'c')).status).toBe(200)
  })

  it.each([
    { target: 'elsewhere', fault: '500' },
    { target: 'messages', fault: 'nonsense' },
    { target: 'messages', fault: '500', forMs: 'long' },
    { target: 'messages', fault: '500', times: -1 },
    { target: 'messages', fault: '500', rotate: true },
    { target: 'token-endpoint', fault: 'omit', fields: 'account' },
    [],
  ])('refuses %j', async (fault) => {
    const sandbox = await useSandbox()
    const refused = await control(sandbox, 'POST', '/faults', fault)
    expect(refused.status).toBe(400)
    expect(sandbox.control.faults()).toEqual([])
  })

  it.each([
    ['/answer', { style: 'loud' }],
    ['/sign-in', { tokenLifetimeSeconds: 'long' }],
    ['/revoke', { accountId: 5 }],
    ['/repair', { target: 'elsewhere' }],
  ])('refuses what POST %s cannot understand', async (path, body) => {
    const sandbox = await useSandbox()
    const refused = await control(sandbox, 'POST', path, body)
    expect(refused).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining(Object.keys(body)[0]!) },
    })
  })

  it('changes nothing by GET', async () => {
    const sandbox = await useSandbox()
    const token = sandbox.signIn().accessToken
    for (const path of ['/expire', '/revoke', '/repair', '/sign-in', '/api-key', '/approve']) {
      expect((await control(sandbox, 'GET', path)).status).toBe(404)
    }
    expect((await say(sandbox, 'hello', token)).status).toBe(200)
  })

  it('issues, expires and revokes', async () => {
    const sandbox = await useSandbox()
    const signIn = (await control(sandbox, 'POST', '/sign-in', { email: 'a@b.example' })).body
    expect(signIn).toMatchObject({ email: 'a@b.example', scopes: ['user:profile', 'user:inference'] })
    const token = signIn['accessToken'] as string
    expect((await say(sandbox, 'hello', token)).status).toBe(200)
    expect((await control(sandbox, 'POST', '/expire')).body).toEqual({ ended: 1 })
    expect((await say(sandbox, 'hello', token)).status).toBe(401)
    expect((await control(sandbox, 'POST', '/revoke')).body).toEqual({ ended: 1 })
    expect((await control(sandbox, 'POST', '/api-key')).body['apiKey']).toMatch(/^sk-ant-api03-TEST-/)
    const approved = await control(sandbox, 'POST', '/approve', { authorizeUrl: sandbox.authorizeUrl })
    expect(approved.status).toBe(400)
  })

  it('lists events by number and names no token', async () => {
    const sandbox = await useSandbox()
    const { accessToken } = sandbox.signIn()
    await say(sandbox, 'hello', accessToken)
    sandbox.control.expire()
    await say(sandbox, 'hello', accessToken)
    const all = (await control(sandbox, 'GET', '/events')).body['items'] as Array<{
      seq: number
      kind: string
    }>
    expect(all.map(({ kind }) => kind)).toEqual(['signed-in', 'message', 'expired', 'rejected'])
    const later = (await control(sandbox, 'GET', '/events?after=2')).body['items']
    expect(later).toEqual(all.slice(2))
    expect(JSON.stringify(all)).not.toContain('sk-ant')
    const requests = (await control(sandbox, 'GET', '/requests')).body['items']
    expect(requests).toMatchObject([
      { text: 'hello', status: 200 },
      { text: 'hello', status: 401 },
    ])
  })

  it('keeps the newest events and requests, and no more than it should', async () => {
    const sandbox = await useSandbox({ keepRequests: 2 })
    const token = sandbox.signIn().accessToken
    for (const text of ['a', 'b', 'c', 'd', 'e']) await say(sandbox, text, token)
    expect(sandbox.requests.map(({ text }) => text)).toEqual(['d', 'e'])
    for (let i = 0; i < 12_000; i++) sandbox.control.expire()
    expect(sandbox.events).toHaveLength(5_000)
    expect(sandbox.events.at(-1)?.seq).toBe(12_006)
  })

  it('tells listeners of each event until they stop listening', async () => {
    const sandbox = await useSandbox()
    const kinds: string[] = []
    const listening = sandbox.subscribe((event) => kinds.push(event.kind))
    sandbox.signIn()
    listening[Symbol.dispose]()
    sandbox.signIn()
    expect(kinds).toEqual(['signed-in'])
  })

  it('changes how the model answers', async () => {
    const sandbox = await useSandbox()
    await control(sandbox, 'POST', '/answer', { style: 'echo' })
    expect((await say(sandbox, 'hi')).text).toBe('Echo: hi')
    sandbox.control.answer({ reply: ({ text, turns }) => `${text.toUpperCase()} ${turns}` })
    expect((await say(sandbox, 'hi')).text).toBe('HI 1')
  })

  it('is driven from this machine alone', async () => {
    const { port } = await useSandbox()
    const status = (headers: Record<string, string>) =>
      new Promise<number>((resolve) => {
        const options = { port, host: '127.0.0.1', path: '/sandbox/expire', method: 'POST', headers }
        httpRequest(options, (answer) => {
          answer.resume()
          resolve(answer.statusCode!)
        }).end()
      })
    expect(await status({})).toBe(200)
    expect(await status({ host: 'rebound.example' })).toBe(403)
    expect(await status({ origin: 'https://elsewhere.example' })).toBe(403)
  })
})
