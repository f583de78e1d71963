import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { MemorySignIn } from '../../../test/support/provider/memory-sign-in.ts'
import { Secret } from '../../support/secret.ts'
import {
  managedCredential,
  staticCredential,
  type ManagedCredential,
  type SourceName,
} from '../credential.ts'
import {
  ACCEPT_ALL,
  createResolver,
  decide,
  NOTHING_TO_WATCH,
  type Judge,
  type SourcePolicy,
  type SourceReading,
} from './decision.ts'

const signIn = new MemorySignIn(new FakeClock())
const auto: SourcePolicy = { adoptClaudeCode: 'auto', fallbackApiKey: false }

function renewable(source: SourceName, accountId = 'account-1'): ManagedCredential {
  const generation = signIn.issue({ accountId })
  return managedCredential(generation, { kind: 'oauth', source, signIn, borrowed: source !== 'own' })
}

const key = (name: string) =>
  staticCredential('api-key', 'environment', new Secret(`sk-ant-api03-TEST-${name}`))
const token = (name: string) =>
  staticCredential('oauth', 'environment', new Secret(`sk-ant-oat01-TEST-${name}`))

function present(credential: ManagedCredential, place: string = credential.source): SourceReading {
  return { source: credential.source, place, kind: 'present', credential }
}

function absent(source: SourceName): SourceReading {
  return { source, place: source, kind: 'absent', message: 'not found' }
}

function broken(source: SourceName, chainGoesOn: boolean, message = 'is not valid JSON'): SourceReading {
  return {
    source,
    place: 'credentials.json',
    kind: 'unusable',
    credentialKind: 'oauth',
    reason: 'store',
    message,
    misconfigured: false,
    chainGoesOn,
  }
}

function dead(...credentials: ManagedCredential[]): Judge {
  return { isAlive: (credential) => !credentials.includes(credential), isSuperseded: () => false }
}

describe('which credential is in use', () => {
  const own = renewable('own')
  const claudeCode = renewable('claude-code')
  const staticToken = token('a')
  const apiKey = key('a')

  it.each<[string, readonly SourceReading[], Partial<SourcePolicy>, ManagedCredential | null]>([
    ['nothing, where nothing is', [absent('own'), absent('environment')], {}, null],
    [
      'the gateway’s own sign-in before everything else',
      [present(own), present(staticToken), present(claudeCode)],
      {},
      own,
    ],
    ['an API key of the environment', [absent('own'), present(apiKey), present(claudeCode)], {}, apiKey],
    [
      "Claude Code's sign-in next to a static token",
      [absent('own'), present(staticToken), present(claudeCode)],
      {},
      claudeCode,
    ],
    [
      'the static token, where adoption is off',
      [absent('own'), present(staticToken), absent('claude-code')],
      { adoptClaudeCode: false },
      staticToken,
    ],
    [
      "nothing, where there is only Claude Code's sign-in and nobody asked for it",
      [absent('own'), present(claudeCode)],
      {},
      null,
    ],
    [
      "Claude Code's sign-in alone, where it was asked for",
      [absent('own'), present(claudeCode)],
      { adoptClaudeCode: true },
      claudeCode,
    ],
    [
      'the API key before an adopted sign-in',
      [absent('own'), present(apiKey), present(claudeCode)],
      { adoptClaudeCode: true },
      apiKey,
    ],
    [
      'the static token next to a stub',
      [absent('own'), present(staticToken), broken('claude-code', true)],
      {},
      staticToken,
    ],
    ['nothing, where the gateway’s own sign-in is broken', [broken('own', false), present(apiKey)], {}, null],
  ])('is %s', (_name, readings, policy, expected) => {
    const decision = decide(readings, { ...auto, ...policy }, ACCEPT_ALL, null)
    expect(decision.inUse).toBe(expected)
    expect(decision.reports.filter(({ inUse }) => inUse)).toHaveLength(expected ? 1 : 0)
  })

  it('prefers a configured command to a sign-in that nobody asked for', () => {
    const command = renewable('refresh-command')
    const decision = decide(
      [present(staticToken), present(claudeCode), present(command)],
      auto,
      ACCEPT_ALL,
      null,
    )
    expect(decision.inUse).toBe(command)
  })

  it('names what is broken and stops there', () => {
    const decision = decide([broken('own', false), present(staticToken)], auto, ACCEPT_ALL, null)
    expect(decision.trouble).toMatchObject({ reason: 'store', message: 'credentials.json is not valid JSON' })
    expect(decision.reports[1]!.reason).toMatch(/before it needs mending/)
  })

  it('continues to the next key when one is dead, and never from a dead sign-in to a key', () => {
    const second = key('b')
    expect(decide([present(apiKey), present(second)], auto, dead(apiKey), null).inUse).toBe(second)
    const decision = decide([present(own), present(apiKey)], auto, dead(own), null)
    expect(decision).toMatchObject({ inUse: null, dead: own, fallback: null })
  })

  it('offers the key as a fallback only where that is allowed', () => {
    const policy: SourcePolicy = { adoptClaudeCode: 'auto', fallbackApiKey: true }
    const { inUse, fallback } = decide([present(own), present(apiKey)], policy, ACCEPT_ALL, null)
    expect(inUse).toBe(own)
    expect(fallback).toMatchObject({ source: 'fallback-api-key', kind: 'api-key' })
  })

  it('goes back to a static token when the adopted sign-in next to it has died', () => {
    const decision = decide([present(staticToken), present(claudeCode)], auto, dead(claudeCode), null)
    expect(decision.inUse).toBe(staticToken)
  })

  it.each<[string, SourceReading, Partial<SourcePolicy>, string | null]>([
    ['where nothing is', absent('claude-code'), { adoptClaudeCode: true }, 'nothing is at claude-code'],
    [
      'what is wrong with it',
      broken('claude-code', true, 'credentials.json cannot be read (ENOTDIR)'),
      { adoptClaudeCode: true },
      'credentials.json cannot be read (ENOTDIR)',
    ],
    [
      'which file',
      broken('claude-code', true),
      { adoptClaudeCode: true },
      'credentials.json is not valid JSON',
    ],
    ['nothing, where nobody asked for it', absent('claude-code'), {}, null],
  ])(
    "of Claude Code's sign-in that is to be used and cannot be, it says %s",
    (_what, reading, policy, said) => {
      const decision = decide([absent('own'), reading], { ...auto, ...policy }, ACCEPT_ALL, null)
      expect(decision).toMatchObject({ inUse: null, claudeCodeMissing: said })
      const other = decide([present(apiKey), reading], { ...auto, ...policy }, ACCEPT_ALL, null)
      expect(other.claudeCodeMissing).toBeNull()
    },
  )

  it('adopts no other account, and no generation that was replaced', () => {
    const stranger = renewable('claude-code', 'account-2')
    const other = decide([present(staticToken), present(stranger)], auto, ACCEPT_ALL, 'account-1')
    expect(other.inUse).toBe(staticToken)
    const judge: Judge = { isAlive: () => true, isSuperseded: (name) => name === own.fingerprint }
    expect(decide([present(own)], auto, judge, null)).toMatchObject({ inUse: null, sawSuperseded: true })
  })
})

describe('where only the credential to use is asked for', () => {
  const own = renewable('own')
  const staticToken = present(token('a'))
  const apiKey = present(key('a'))
  const claudeCode = present(renewable('claude-code'))
  const command = present(renewable('refresh-command'))

  it.each<[string, readonly SourceReading[], Partial<SourcePolicy>, Judge, number]>([
    ['its own sign-in', [present(own), apiKey, claudeCode, command], {}, ACCEPT_ALL, 1],
    ['an API key', [absent('own'), apiKey, claudeCode, command], {}, ACCEPT_ALL, 2],
    [
      'its own sign-in and the key that may take its place',
      [present(own), apiKey, claudeCode, command],
      { fallbackApiKey: true },
      ACCEPT_ALL,
      2,
    ],
    [
      'its own sign-in and no key that may take its place',
      [present(own), absent('environment'), claudeCode, command],
      { fallbackApiKey: true },
      ACCEPT_ALL,
      4,
    ],
    ['a token that gives way', [absent('own'), staticToken, claudeCode, command], {}, ACCEPT_ALL, 4],
    ['a dead sign-in', [present(own), absent('environment'), command], {}, dead(own), 3],
    ['a broken file', [broken('own', false), staticToken, command], {}, ACCEPT_ALL, 3],
    ['nothing', [absent('own'), absent('environment'), absent('claude-code')], {}, ACCEPT_ALL, 3],
  ])('%s is found as it is among all sources', async (_name, readings, policy, judge, expected) => {
    let asked = 0
    const sources = readings.map((reading) => ({
      name: reading.source,
      read: async () => (asked++, [reading]),
      watch: () => NOTHING_TO_WATCH,
    }))
    const resolver = createResolver(sources, { ...auto, ...policy })
    const all = await resolver.resolve({ judge })
    expect(asked).toBe(readings.length)
    asked = 0
    const enough = await resolver.resolve({ judge, onlyToUse: true })
    expect(asked).toBe(expected)
    expect(enough).toEqual({ ...all, reports: all.reports.slice(0, expected) })
  })
})
