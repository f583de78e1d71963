import { describe, expect, it } from 'vitest'
import type { AuthStatus } from '../../credentials/keeper/status.ts'
import { EXIT } from '../command.ts'
import { judgeCredential } from './check-credential.ts'
import { checkNode, judgeDisk } from './check-files.ts'
import { clockSkew, judgeSkew } from './check-network.ts'
import { exitCodeOf } from './doctor.ts'
import { editCommand, error, misconfigured, needsLogin, ok, warning, word } from './finding.ts'

const HEALTHY: AuthStatus = {
  state: 'healthy',
  reason: null,
  source: 'own',
  kind: 'oauth',
  renewable: true,
  fingerprint: '01234567',
  expiresAt: null,
  secondsLeft: 3600,
  loginExpiresAt: null,
  loginExpiryEstimated: false,
  lastRefresh: null,
  nextAttemptAt: null,
  consecutive401: 0,
}
const NOW = Date.UTC(2026, 10, 20)

describe('a credential', () => {
  it.each([
    ['healthy', null, 'ok', undefined, null],
    ['at-risk', 'unrenewable', 'warning', undefined, 'hermes auth login --headless'],
    ['degraded', 'endpoint', 'error', undefined, 'hermes auth sources'],
    ['needs-login', 'revoked', 'error', 'sign-in', 'hermes auth login --headless'],
    ['needs-login', 'other-machine', 'error', 'sign-in', 'hermes auth status --adopt'],
    ['not-permitted', 'billing', 'error', 'sign-in', 'hermes auth sources'],
    ['misconfigured', 'absent', 'error', 'configuration', 'hermes auth sources'],
  ] as const)('that is %s (%s) is %s', (state, reason, level, kind, mend) => {
    const [finding] = judgeCredential({ ...HEALTHY, state, reason }, null, [], NOW)
    expect(finding).toMatchObject({ level, mend })
    expect(finding!.kind).toBe(kind)
  })

  it.each([
    [10, 'ok'],
    [7, 'warning'],
    [1, 'warning'],
    [-1, 'warning'],
  ])('whose sign-in ends in %i days is %s', (days, level) => {
    const loginExpiresAt = new Date(NOW + days * 86_400_000).toISOString()
    const findings = judgeCredential({ ...HEALTHY, loginExpiresAt }, null, [], NOW)
    expect(findings.find(({ id }) => id === 'sign-in.end')?.level).toBe(level)
  })
})

describe('the clock', () => {
  const AT = 'Fri, 20 Nov 2026 00:00:00 GMT'

  it('of a server is compared with the middle between question and answer', () => {
    expect(clockSkew(AT, NOW, NOW + 1_000)).toBe(0)
    expect(clockSkew(AT, NOW - 60_000, NOW - 59_000)).toBe(60_000)
    expect(clockSkew(null, NOW, NOW)).toBe(null)
    expect(clockSkew('yesterday', NOW, NOW)).toBe(null)
  })

  it.each([
    [0, 'ok'],
    [29_000, 'ok'],
    [-31_000, 'warning'],
    [299_000, 'warning'],
    [-301_000, 'error'],
  ])('that is %i ms off is %s', (skew, level) => expect(judgeSkew(skew).level).toBe(level))
})

it.each([
  [10_000_000_000, null, 'ok'],
  [500 * 1024 * 1024, 100, 'warning'],
  [60 * 1024 * 1024, 100, 'error'],
  [10_000_000_000, 0, 'error'],
])('a disk with %i bytes and %s files free is %s', (bytes, files, level) => {
  expect(judgeDisk('/home/x', bytes, files).level).toBe(level)
})

it('an older Node is named, and what is needed', () => {
  expect(checkNode('24.0.0').level).toBe('ok')
  expect(checkNode('22.12.0')).toMatchObject({ level: 'error', kind: 'configuration' })
})

it('the exit code says who must act, the configuration before the sign-in before the rest', () => {
  const fine = [ok('a', ''), warning('b', '', null)]
  expect(exitCodeOf(fine)).toBe(EXIT.ok)
  expect(exitCodeOf([...fine, error('c', '', null)])).toBe(EXIT.failed)
  expect(exitCodeOf([error('c', '', null), needsLogin('d', '', null)])).toBe(EXIT.personMustAct)
  expect(exitCodeOf([needsLogin('d', '', null), misconfigured('e', '', null)])).toBe(EXIT.configuration)
})

it('a command can be pasted into a shell, whatever the path', () => {
  expect(word('/srv/hermes/.env')).toBe('/srv/hermes/.env')
  expect(word("/srv/it's here")).toBe(`'/srv/it'\\''s here'`)
  expect(editCommand('/a/config.yaml', 7)).toBe('"${EDITOR:-vi}" +7 /a/config.yaml')
})
