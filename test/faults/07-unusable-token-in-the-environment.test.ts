import { expect, it } from 'vitest'
import { hermes, temporaryHome } from '../support/processes/hermes-command.ts'

const TOKEN = 'sk-ant-oat01-TESTunusable0123456789'

it.each([
  [
    'what the sign-in page shows',
    'ANTHROPIC_API_KEY',
    'TESTcode0123456789#TESTstate0123456789',
    /looks like the code#state.*hermes auth login --headless/,
  ],
  [
    'a refresh token',
    'ANTHROPIC_TOKEN',
    'sk-ant-ort01-TESTunusable0123456789',
    /is a refresh token.*hermes auth login/,
  ],
  ['white space in the token', 'ANTHROPIC_AUTH_TOKEN', `${TOKEN} abc`, /holds white space/],
  ['a line break behind the token', 'CLAUDE_CODE_OAUTH_TOKEN', `${TOKEN}\n`, /holds white space/],
  ['the token twice', 'ANTHROPIC_API_KEY', TOKEN + TOKEN, /holds two tokens/],
])('%s in %s is refused at the start with a hint, and is not repeated', (_what, key, value, hint) => {
  using place = temporaryHome()
  const { code, stdout, stderr } = hermes(['gateway', '--home', place.home], { [key]: value })
  expect(stderr).toMatch(hint)
  expect(stderr).toContain(key)
  expect(code).toBe(78)
  expect(stdout + stderr).not.toContain(value.trim().slice(-12))
})

it('in .env it is refused as well', () => {
  using place = temporaryHome({ '.env': `ANTHROPIC_API_KEY=${TOKEN}${TOKEN}\n` })
  const { code, stderr } = hermes(['gateway', '--home', place.home])
  expect(stderr).toMatch(/ANTHROPIC_API_KEY holds two tokens/)
  expect(code).toBe(78)
})
