import { describe, expect, it } from 'vitest'
import { NEVER, SIGN_IN_PLACES, signedIn } from '../support/provider/signed-in.ts'
import { tokenEndpointThatSays } from '../support/provider/token-answers.ts'

describe.each(SIGN_IN_PLACES)('with the sign-in in a %s', (place) => {
  it.each(['html-200', 'error-200', 'no-access-token', 'huge-body', 'truncated'] as const)(
    '%s is transient, may have rotated the token, and writes nothing',
    async (fault) => {
      const { store, first, sandbox, text } = await signedIn({ place })
      const before = await text()
      sandbox.control.fault({ target: 'token-endpoint', fault, times: 1, rotate: true })
      const outcome = await store.refresh(first, NEVER)
      expect(outcome).toMatchObject({ kind: 'transient', ambiguous: true })
      expect(outcome.kind === 'transient' && outcome.message).not.toMatch(/html|moment|sk-ant/i)
      expect(await text()).toBe(before)
      expect(sandbox.state().faults).toEqual([])
    },
  )

  it.each([
    ['a blank token', { access_token: ' ', expires_in: 60 }],
    ['a token with a line break', { access_token: 'sk-ant-oat01-TEST\r\nx: y', expires_in: 60 }],
    ['a token together with an error', { access_token: 'sk-ant-oat01-TEST', error: 'server_error' }],
    ['an array', []],
    ['null', null],
  ])('%s is no token', async (_what, body) => {
    const tokenUrl = await tokenEndpointThatSays(200, body)
    const { store, first, text } = await signedIn({ place, settings: { tokenUrls: [tokenUrl] } })
    const before = await text()
    expect(await store.refresh(first, NEVER)).toMatchObject({ kind: 'transient', ambiguous: true })
    expect(await text()).toBe(before)
  })
})
