import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { beginAuthorization } from './authorization.ts'
import type { OAuthSettings } from './token-endpoint.ts'

const SETTINGS: OAuthSettings = {
  authorizeUrl: 'https://claude.test/cai/oauth/authorize?theme=dark',
  tokenUrls: [],
  clientId: 'client-TEST',
  redirectUri: 'https://platform.test/oauth/code/callback',
  scopes: ['user:profile', 'user:inference'],
  userAgent: 'hermes-gateway/0',
  headers: {},
}

describe('a sign-in that is started', () => {
  it('asks for a code with PKCE, for the configured client, redirect and scopes', async () => {
    const { url, state, verifier } = await beginAuthorization(SETTINGS)
    const { origin, pathname, searchParams } = new URL(url)
    expect(origin + pathname).toBe('https://claude.test/cai/oauth/authorize')
    expect(Object.fromEntries(searchParams)).toEqual({
      theme: 'dark',
      response_type: 'code',
      client_id: 'client-TEST',
      redirect_uri: 'https://platform.test/oauth/code/callback',
      scope: 'user:profile user:inference',
      code_challenge: createHash('sha256').update(verifier.reveal()).digest('base64url'),
      code_challenge_method: 'S256',
      state: state.reveal(),
    })
  })

  it('has a verifier and a state of 32 bytes that differ, and new ones each time', async () => {
    const [one, two] = [await beginAuthorization(SETTINGS), await beginAuthorization(SETTINGS)]
    const values = [one.verifier, one.state, two.verifier, two.state].map((secret) => secret.reveal())
    expect(new Set(values).size).toBe(4)
    for (const value of values) expect(Buffer.from(value, 'base64url')).toHaveLength(32)
    expect(one.url).not.toContain(one.verifier.reveal())
  })
})
