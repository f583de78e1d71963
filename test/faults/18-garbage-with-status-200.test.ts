import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { NEVER, signedIn } from '../support/signed-in.ts'
import { tokenEndpointThatSays } from '../support/token-answers.ts'

it.each(['html-200', 'error-200', 'no-access-token', 'huge-body', 'truncated'] as const)(
  '%s is transient, may have rotated the token, and writes nothing',
  async (fault) => {
    const { store, first, sandbox, path } = await signedIn()
    const before = await readFile(path, 'utf8')
    sandbox.control.fault({ target: 'token-endpoint', fault, times: 1, rotate: true })
    const outcome = await store.renew(first, NEVER)
    expect(outcome).toMatchObject({ kind: 'transient', ambiguous: true })
    expect(outcome.kind === 'transient' && outcome.message).not.toMatch(/html|moment|sk-ant/i)
    expect(await readFile(path, 'utf8')).toBe(before)
    expect(sandbox.state().faults).toEqual([])
  },
)

it.each([
  ['a blank token', { access_token: ' ', expires_in: 60 }],
  ['a token with a line break', { access_token: 'sk-ant-oat01-TEST\r\nx: y', expires_in: 60 }],
  ['a token beside an error', { access_token: 'sk-ant-oat01-TEST', error: 'server_error' }],
  ['an array', []],
  ['null', null],
])('%s is no token', async (_what, body) => {
  const tokenUrl = await tokenEndpointThatSays(200, body)
  const { store, first, path } = await signedIn({ settings: { tokenUrls: [tokenUrl] } })
  const before = await readFile(path, 'utf8')
  expect(await store.renew(first, NEVER)).toMatchObject({ kind: 'transient', ambiguous: true })
  expect(await readFile(path, 'utf8')).toBe(before)
})
