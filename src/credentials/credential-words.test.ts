import { expect, test } from 'vitest'
import { brokenWords, REMEDY_COMMANDS, remedyOf, type CredentialOrigin } from './credential-words.ts'

test.each([
  [{ kind: 'api-key', source: 'own' }, 'hermes auth login --api-key', 'the API key was rejected'],
  [{ kind: 'api-key', source: 'environment' }, 'hermes auth login --api-key', 'the API key was rejected'],
  [{ kind: 'oauth', source: 'own' }, 'hermes auth login --headless', 'the sign-in was revoked'],
  [{ kind: 'oauth', source: 'environment' }, 'hermes auth login --headless', 'the sign-in was revoked'],
  [
    { kind: 'api-key', source: 'fallback-api-key' },
    'hermes auth login --headless',
    'the sign-in was revoked',
  ],
  [{ kind: 'oauth', source: 'claude-code' }, 'claude auth login', "Claude Code's sign-in was revoked"],
  [
    { kind: 'profile', source: 'profile' },
    'ant auth login --no-browser',
    "the Anthropic profile's sign-in was revoked",
  ],
  [
    { kind: 'command', source: 'refresh-command' },
    'hermes auth sources',
    'the sign-in of auth.refresh_command was revoked',
  ],
  [{ kind: null, source: null }, 'hermes auth login --headless', 'the sign-in was revoked'],
] satisfies Array<[CredentialOrigin, string, string]>)('%j is repaired by %s', (origin, command, broken) => {
  const words = { 'needs-login/revoked': '{sign-in} was revoked' }
  expect(REMEDY_COMMANDS[remedyOf(origin)]).toBe(command)
  expect(brokenWords(words, 'needs-login', 'revoked', origin)).toBe(broken)
})

test('what has nothing to do with the credential is said the same of a key', () => {
  const words = { store: 'the disk is full' }
  const key: CredentialOrigin = { kind: 'api-key', source: 'own' }
  expect(brokenWords(words, 'store', 'store', key)).toBe('the disk is full')
  expect(brokenWords(words, 'usage-limited', null, key)).toBeNull()
})
