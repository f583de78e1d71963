import { readFile, writeFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { borrowed } from '../support/provider/claude-code.ts'
import { NEVER, signedIn } from '../support/provider/signed-in.ts'

/** Numbers that JavaScript cannot hold, keys with a meaning of their own, and nesting. */
const UNKNOWN = '{"big":12345678901234567890,"exact":1.10,"__proto__":{"a":[]},"é":"…","nothing":null}'

/** What a renewal may change. */
const OURS = /"(accessToken|refreshToken|expiresAt|refreshTokenExpiresAt|issuedAt)":\s?("[^"]*"|\d+|null)/g

it('in Claude Code’s file, inside the sign-in and outside it, are equal after three refreshes', async () => {
  const { store, path, document, present, sandbox } = await borrowed()
  const known = JSON.stringify(await document())
  const text = known
    .replace('"subscriptionType"', `"futureField":${UNKNOWN},"subscriptionType"`)
    .replace('"mcpOAuth"', `"trustedDevice":${UNKNOWN},"mcpOAuth"`)
  await writeFile(path, text)

  for (let round = 0; round < 3; round++) {
    expect((await store.refresh(await present(), NEVER)).kind).toBe('renewed')
  }
  expect(sandbox.counts.tokensIssued).toBe(3)
  const after = await readFile(path, 'utf8')
  expect(blank(after)).toBe(blank(text))
  expect((await document()).claudeAiOauth['scopes']).toContain('user:inference')
})

it('in our own file, inside the sign-in and outside it, are equal after three refreshes', async () => {
  const { store, path, present } = await signedIn()
  const text = (await readFile(path, 'utf8'))
    .replace('"kind"', `"futureField":${UNKNOWN},"kind"`)
    .replace('"version"', `"note":${UNKNOWN},"version"`)
  await writeFile(path, text)
  for (let round = 0; round < 3; round++) {
    expect((await store.refresh(await present(), NEVER)).kind).toBe('renewed')
  }
  expect(blank(await readFile(path, 'utf8'))).toBe(blank(text))
})

it('the scope that Claude Code needs is kept when an answer names fewer', async () => {
  const { store, document, first, sandbox } = await borrowed()
  sandbox.control.fault({ target: 'token-endpoint', fault: 'omit', fields: ['scope'] })
  await store.refresh(first, NEVER)
  expect((await document()).claudeAiOauth['scopes']).toEqual([...first.scopes])
})

function blank(text: string): string {
  return text.replace(OURS, '"$1":…').replaceAll(/\s/g, '')
}
