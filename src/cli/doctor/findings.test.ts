import { describe, expect, it } from 'vitest'
import type { AuthStatus } from '../../credentials/keeper/status.ts'
import { EXIT } from '../command.ts'
import { clockSkew, clockFinding } from './check-addresses.ts'
import { credentialFindings } from './check-credential.ts'
import { checkNode, diskFinding } from './check-files.ts'
import { exitCodeOf } from './doctor.ts'
import { editCommand, error, misconfigured, needsLogin, ok, warning, quoteForShell } from './finding.ts'

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
  ] as const)('that is %s (%s) is %s', (state, reason, level, kind, fix) => {
    const [finding] = credentialFindings({ ...HEALTHY, state, reason }, null, [], NOW)
    expect(finding).toMatchObject({ level, fix })
    expect(finding!.kind).toBe(kind)
  })

  it.each([
    [10, 'ok'],
    [7, 'warning'],
    [1, 'warning'],
    [-1, 'warning'],
  ])('whose sign-in ends in %i days is %s', (days, level) => {
    const loginExpiresAt = new Date(NOW + days * 86_400_000).toISOString()
    const findings = credentialFindings({ ...HEALTHY, loginExpiresAt }, null, [], NOW)
    expect(findings.find(({ id }) => id === 'sign-in.end')?.level).toBe(level)
  })
})

describe('the clock', () => {
  const AT = 'Fri, 20 Nov 2026 00:00:00 GMT'

  it('of a server is compared with the middle of the request', () => {
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
  ])('that is %i ms off is %s', (skew, level) => expect(clockFinding(skew).level).toBe(level))
})

it.each([
  [10_000_000_000, null, 'ok'],
  [500 * 1024 * 1024, 100, 'warning'],
  [60 * 1024 * 1024, 100, 'error'],
  [10_000_000_000, 0, 'error'],
])('a disk with %i bytes and %s files free is %s', (bytes, files, level) => {
  expect(diskFinding('/home/x', bytes, files).level).toBe(level)
})

it('an older Node is an error of the configuration', () => {
  expect(checkNode('24.0.0').level).toBe('ok')
  expect(checkNode('22.12.0')).toMatchObject({ level: 'error', kind: 'configuration' })
})

it('the exit code says who must act: configuration first, then the sign-in, then the rest', () => {
  const fine = [ok('a', ''), warning('b', '', null)]
  expect(exitCodeOf(fine)).toBe(EXIT.ok)
  expect(exitCodeOf([...fine, error('c', '', null)])).toBe(EXIT.failed)
  expect(exitCodeOf([error('c', '', null), needsLogin('d', '', null)])).toBe(EXIT.personMustAct)
  expect(exitCodeOf([needsLogin('d', '', null), misconfigured('e', '', null)])).toBe(EXIT.configuration)
})

it('a command can be pasted into a shell, whatever the path', () => {
  expect(quoteForShell('/srv/hermes/.env')).toBe('/srv/hermes/.env')
  expect(quoteForShell("/srv/it's here")).toBe(`'/srv/it'\\''s here'`)
  expect(editCommand('/a/config.yaml', 7)).toBe('"${EDITOR:-vi}" +7 /a/config.yaml')
})
