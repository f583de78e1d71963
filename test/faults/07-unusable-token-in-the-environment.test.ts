import { expect, it } from 'vitest'
import { hermes, temporaryHome } from '../support/hermes-command.ts'

const TOKEN = 'sk-ant-oat01-TESTunusable0123456789'

it.each([
  [
    'what the sign-in page shows',
    'TESTcode0123456789#TESTstate0123456789',
    /looks like the code#state.*hermes auth login --headless/,
  ],
  ['a refresh token', 'sk-ant-ort01-TESTunusable0123456789', /is a refresh token.*hermes auth login/],
  ['white space in the token', `${TOKEN} abc`, /holds white space/],
  ['a line break behind the token', `${TOKEN}\n`, /holds white space/],
  ['the token twice', TOKEN + TOKEN, /holds two tokens/],
])('%s is refused at the start with a hint, and is not repeated', (_what, value, hint) => {
  for (const key of [
    'ANTHROPIC_API_KEY',
    'ANTHROPIC_TOKEN',
    'ANTHROPIC_AUTH_TOKEN',
    'CLAUDE_CODE_OAUTH_TOKEN',
  ]) {
    using place = temporaryHome()
    const { code, stdout, stderr } = hermes(['gateway', '--home', place.home], { [key]: value })
    expect(stderr).toMatch(hint)
    expect(stderr).toContain(key)
    expect(code).toBe(78)
    expect(stdout + stderr).not.toContain(value.trim().slice(-12))
  }
})
