import * as oauth from 'oauth4webapi'
import { describe, expect, it } from 'vitest'
import {
  CLIENT_ID,
  isAccepted,
  postToken,
  useSandbox,
} from '../../../test/support/provider/sandbox-client.ts'
import type { Sandbox } from '../sandbox.ts'

const CLIENT: oauth.Client = { client_id: CLIENT_ID }
const INSECURE = { [oauth.allowInsecureRequests]: true }

function serverOf(sandbox: Sandbox): oauth.AuthorizationServer {
  return {
    issuer: sandbox.url,
    authorization_endpoint: sandbox.authorizeUrl,
    token_endpoint: sandbox.tokenUrl,
  }
}

interface Flow {
  readonly url: string
  readonly verifier: string
  readonly state: string
}

async function beginFlow(sandbox: Sandbox, redirectUri = sandbox.redirectUri): Promise<Flow> {
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const url = new URL(sandbox.authorizeUrl)
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: CLIENT.client_id,
    redirect_uri: redirectUri,
    scope: 'user:profile user:inference',
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }).toString()
  return { url: url.href, verifier, state }
}

describe('the token endpoint, used by a certified client', () => {
  it('exchanges a code with PKCE and refreshes, both in the form encoding', async () => {
    const sandbox = await useSandbox()
    const server = serverOf(sandbox)
    const flow = await beginFlow(sandbox)
    const [code, state] = sandbox.authorize(flow.url).split('#')
    expect(state).toBe(flow.state)
    const callback = new URLSearchParams({ code: code!, state: state! })
    const params = oauth.validateAuthResponse(server, CLIENT, callback, flow.state)
    const answer = await oauth.authorizationCodeGrantRequest(
      server,
      CLIENT,
      oauth.None(),
      params,
      sandbox.redirectUri,
      flow.verifier,
      { ...INSECURE, additionalParameters: { state: flow.state } },
    )
    const issued = await oauth.processAuthorizationCodeResponse(server, CLIENT, answer)
    expect(issued).toMatchObject({ expires_in: 60, scope: 'user:profile user:inference' })
    expect(await isAccepted(sandbox, issued.access_token)).toBe(true)

    const again = await oauth.refreshTokenGrantRequest(
      server,
      CLIENT,
      oauth.None(),
      issued.refresh_token!,
      INSECURE,
    )
    const refreshed = await oauth.processRefreshTokenResponse(server, CLIENT, again)
    expect(refreshed.refresh_token).not.toBe(issued.refresh_token)
    expect(refreshed['account']).toMatchObject({ email_address: 'operator@sandbox.example' })
    expect(await isAccepted(sandbox, refreshed.access_token)).toBe(true)
  })

  it.each([
    ['another verifier', { code_verifier: 'x'.repeat(43) }, 'invalid_grant'],
    ['another state', { state: 'another-state' }, 'invalid_grant'],
    ['another redirect address', { redirect_uri: 'http://127.0.0.1:1/callback' }, 'invalid_grant'],
    ['another client', { client_id: 'somebody' }, 'invalid_grant'],
  ])('refuses a code with %s, and the code is used up', async (_what, change, error) => {
    const sandbox = await useSandbox()
    const flow = await beginFlow(sandbox)
    const code = sandbox.authorize(flow.url).split('#')[0]
    const whole = {
      grant_type: 'authorization_code',
      code,
      state: flow.state,
      redirect_uri: sandbox.redirectUri,
      client_id: CLIENT.client_id,
      code_verifier: flow.verifier,
    }
    const refused = await postToken(sandbox, { ...whole, ...change })
    expect([refused.status, ((await refused.json()) as { error: string }).error]).toEqual([400, error])
    expect((await postToken(sandbox, whole)).status).toBe(400)
  })

  it('revokes what a code brought when the code comes again', async () => {
    const sandbox = await useSandbox()
    const flow = await beginFlow(sandbox)
    const whole = {
      grant_type: 'authorization_code',
      code: sandbox.authorize(flow.url).split('#')[0],
      state: flow.state,
      redirect_uri: sandbox.redirectUri,
      client_id: CLIENT.client_id,
      code_verifier: flow.verifier,
    }
    const { access_token: token } = (await (await postToken(sandbox, whole)).json()) as {
      access_token: string
    }
    expect(await isAccepted(sandbox, token)).toBe(true)
    expect((await postToken(sandbox, whole)).status).toBe(400)
    expect(await isAccepted(sandbox, token)).toBe(false)
  })
})

describe('the authorize page', () => {
  it('asks, and leads to a page that shows code#state', async () => {
    const sandbox = await useSandbox()
    const flow = await beginFlow(sandbox, 'https://platform.claude.com/oauth/code/callback')
    const asked = await (await fetch(flow.url)).text()
    expect(asked).toContain('Approve')
    expect(asked).toContain('user:inference')
    const body = new URL(flow.url).searchParams
    body.set('decision', 'approve')
    const shown = await fetch(sandbox.authorizeUrl, { method: 'POST', body })
    const [, code] = /<pre id="code">([^<]+)<\/pre>/.exec(await shown.text())!
    expect(code!.replace('&#35;', '#')).toMatch(new RegExp(`^[\\w-]+#${flow.state}$`))
  })

  it('leads back to a loopback client, also with a refusal', async () => {
    const sandbox = await useSandbox()
    const flow = await beginFlow(sandbox, 'http://localhost:5555/callback')
    const decide = async (decision: string) => {
      const body = new URL(flow.url).searchParams
      body.set('decision', decision)
      const answer = await fetch(sandbox.authorizeUrl, { method: 'POST', body, redirect: 'manual' })
      return new URL(answer.headers.get('location')!).searchParams
    }
    expect((await decide('approve')).get('state')).toBe(flow.state)
    expect((await decide('deny')).get('error')).toBe('access_denied')
  })

  it.each([
    ['response_type', 'token'],
    ['code_challenge_method', 'plain'],
    ['code_challenge', 'short'],
    ['state', ''],
    ['redirect_uri', 'https://evil.example/callback'],
    ['scope', ''],
  ])('refuses an address whose %s is %j', async (name, value) => {
    const sandbox = await useSandbox()
    const flow = await beginFlow(sandbox)
    const url = new URL(flow.url)
    url.searchParams.set(name, value)
    expect((await fetch(url)).status).toBe(400)
    expect(() => sandbox.authorize(url.href)).toThrow(/refuses/)
  })
})
