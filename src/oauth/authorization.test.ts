import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { Secret } from '../support/secret.ts'
import { beginAuthorization, readPaste } from './authorization.ts'
import type { OAuthSettings } from './token-request.ts'

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

describe('a paste', () => {
  const state = new Secret('state-TEST-abcdefghijklmnopqrstuvwxyz0123456')

  it.each([
    ['code#state', `code-TEST#${state.reveal()}`],
    ['code#state in white space', `  code-TEST#${state.reveal()}\r\n`],
    [
      'the redirect address',
      `https://platform.test/oauth/code/callback?code=code-TEST&state=${state.reveal()}`,
    ],
    ['a loopback address', `http://localhost:8642/callback?state=${state.reveal()}&code=code-TEST`],
    [
      'an address with the state in its fragment',
      `https://platform.test/cb?code=code-TEST#${state.reveal()}`,
    ],
  ])('as %s gives the code', (_what, paste) => {
    const read = readPaste(paste, state)
    expect(read.kind === 'code' && read.code.reveal()).toBe('code-TEST')
  })

  it.each([
    ['nothing', '   ', 'empty'],
    ['a bare code', 'code-TEST', 'no-state'],
    ['a code with an empty state', 'code-TEST#', 'no-state'],
    ['an address without state', 'https://platform.test/cb?code=code-TEST', 'no-state'],
    ['another sign-in’s state', 'code-TEST#state-TEST-other', 'wrong-state'],
    ['a state that only begins right', `code-TEST#${state.reveal().slice(0, -1)}`, 'wrong-state'],
    ['a state with trailing characters', `code-TEST#${state.reveal()}x`, 'wrong-state'],
    ['two states', `code-TEST#${state.reveal()}#${state.reveal()}`, 'no-state'],
    ['a state alone', `#${state.reveal()}`, 'unreadable'],
    ['two lines', `code-TEST#${state.reveal()}\ncode-TEST#${state.reveal()}`, 'unreadable'],
    [
      'an address that says no',
      `https://platform.test/cb?error=access_denied&state=${state.reveal()}`,
      'denied',
    ],
    ['a token', 'sk-ant-oat01-TEST-pasted-by-mistake', 'token'],
  ])('of %s is refused in a sentence that repeats nothing of it', (_what, paste, problem) => {
    const read = readPaste(paste, state)
    expect(read).toMatchObject({ kind: 'refused', problem })
    expect(read.kind === 'refused' && read.message).toMatch(/^[A-Z].*\.$/)
    expect(JSON.stringify(read)).not.toContain('TEST')
  })
})
