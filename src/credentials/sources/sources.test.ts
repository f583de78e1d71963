import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../support/secret.ts'
import { NOTHING_TO_WATCH, type CredentialSource } from './decision.ts'
import { profileGeneration, profileSource } from './profile.ts'
import { refreshCommandSource } from './refresh-command.ts'
import { environmentSource } from './sources.ts'

async function readVariable(name: string, value: string, allowSandboxTokens = false) {
  const source = environmentSource({ read: () => ({ [name]: new Secret(value) }), allowSandboxTokens })
  return (await source.read()).find((reading) => reading.place === name)!
}

describe('a variable of the environment', () => {
  it.each([
    ['ANTHROPIC_API_KEY', 'sk-ant-api03-TEST', 'api-key'],
    ['ANTHROPIC_API_KEY', 'sk-ant-oat01-TEST', 'oauth'],
    ['ANTHROPIC_API_KEY', 'key-of-a-proxy-TEST', 'api-key'],
    ['ANTHROPIC_AUTH_TOKEN', 'token-of-a-proxy-TEST', 'oauth'],
    ['ANTHROPIC_TOKEN', 'sk-ant-api03-TEST', 'api-key'],
    ['CLAUDE_CODE_OAUTH_TOKEN', 'sk-ant-oat01-TEST', 'oauth'],
  ])('%s with %s is taken as %s', async (name, value, kind) => {
    expect(await readVariable(name, value)).toMatchObject({ kind: 'present', credential: { kind } })
  })

  it.each([
    ['a pasted code', 'abcdef#ghijkl'],
    ['a refresh token', 'sk-ant-ort01-TEST-refresh'],
    ['white space', 'sk-ant-oat01-TEST with a gap'],
    ['a doubled token', 'sk-ant-oat01-TESTsk-ant-oat01-TEST'],
    ['a token of the sandbox', 'sk-ant-oat01-SANDBOX-TEST'],
  ])('that holds %s is refused with a hint that does not repeat it', async (_name, value) => {
    const reading = await readVariable('ANTHROPIC_TOKEN', value)
    expect(reading).toMatchObject({ kind: 'unusable', misconfigured: true, chainGoesOn: false })
    expect(JSON.stringify(reading)).not.toContain(value)
  })

  it('may hold a token of the sandbox in the sandbox', async () => {
    const reading = await readVariable('ANTHROPIC_TOKEN', 'sk-ant-oat01-SANDBOX-TEST', true)
    expect(reading.kind).toBe('present')
  })
})

/** A command whose script is `script`, as a source, and its first refresh. */
async function command(script: string): Promise<CredentialSource> {
  const path = join(await mkdtemp(join(tmpdir(), 'refresh-command-')), 'print-token.sh')
  await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o700 })
  return refreshCommandSource({
    argv: [path, 'an argument with spaces'],
    environment: { PATH: process.env['PATH'], HOME: '/tmp', ANTHROPIC_API_KEY: 'sk-ant-api03-TEST-secret' },
    allowSandboxTokens: false,
  })
}

async function refreshOf(source: CredentialSource) {
  const [reading] = await source.read()
  if (reading?.kind !== 'present') throw new Error('no command')
  const { signIn, generation } = reading.credential.refreshSource!
  return signIn.refresh(generation, new AbortController().signal)
}

describe('the refresh command', () => {
  it('is not run by reading the sources, and names no token before it was', async () => {
    const source = await command('echo ran >&2; exit 9')
    expect(await source.read()).toMatchObject([
      { kind: 'present', credential: { kind: 'command', refreshSource: expect.anything(), fingerprint: '' } },
    ])
  })

  it('prints a token, which is used', async () => {
    const source = await command('echo sk-ant-oat01-TEST-of-the-vault')
    expect(await refreshOf(source)).toMatchObject({ kind: 'renewed', generation: { expiresAt: null } })
    const [reading] = await source.read()
    expect(reading).toMatchObject({
      credential: { fingerprint: new Secret('sk-ant-oat01-TEST-of-the-vault').fingerprint },
    })
    // The same token once more is no refresh.
    expect(await refreshOf(source)).toMatchObject({ kind: 'transient', reason: 'revoked' })
  })

  it('gets neither our secrets nor a shell, and its arguments whole', async () => {
    const source = await command(
      '[ -z "$ANTHROPIC_API_KEY" ] && [ "$1" = "an argument with spaces" ] && echo sk-ant-oat01-TEST-ok',
    )
    expect(await refreshOf(source)).toMatchObject({ kind: 'renewed' })
  })

  it.each([
    ['fails', 'echo sk-ant-oat01-TEST-leaked; exit 3', /exit code 3/],
    ['prints too much', 'yes sk-ant-oat01-TEST-leaked | head -c 100000', /64 KiB/],
    ['prints no token', 'echo "Error: not logged in"', /white space/],
    ['prints nothing', 'true', /is empty/],
  ])('that %s is tried again later, and its output is not repeated', async (_name, script, expected) => {
    const outcome = await refreshOf(await command(script))
    expect(outcome).toMatchObject({ kind: 'transient', reason: 'endpoint' })
    expect((outcome as { message: string }).message).toMatch(expected)
    expect(JSON.stringify(outcome)).not.toContain('leaked')
  })

  it('runs once for callers that come together', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'refresh-count-'))
    const source = await command(
      `echo x >> ${folder}/runs; sleep 0.2; echo sk-ant-oat01-TEST-$(wc -l < ${folder}/runs)`,
    )
    const outcomes = await Promise.all([refreshOf(source), refreshOf(source), refreshOf(source)])
    const tokens = new Set(
      outcomes.map((outcome) => 'generation' in outcome && outcome.generation.accessToken.fingerprint),
    )
    expect(tokens.size).toBe(1)
  })
})

describe('a profile', () => {
  it('gives its token when it is asked, and another one in place of that', async () => {
    const failed: Array<string | undefined> = []
    const source = profileSource({
      find: async () => ({
        place: 'profile default',
        stored: null,
        isSignedOut: false,
        renewable: true,
        headers: {},
        baseUrl: null,
      }),
      watch: () => NOTHING_TO_WATCH,
      async refresh(token) {
        failed.push(token?.reveal())
        const next = new Secret(`sk-ant-oat01-TEST-${failed.length}`)
        return { kind: 'renewed', generation: profileGeneration(next, null, null) }
      },
    })
    expect(await refreshOf(source)).toMatchObject({ kind: 'renewed' })
    expect(await refreshOf(source)).toMatchObject({ kind: 'renewed' })
    expect(failed).toEqual([undefined, 'sk-ant-oat01-TEST-1'])
  })

  it('offers what its file holds, but not the token that was replaced and could not be overwritten', async () => {
    const stored = profileGeneration(new Secret('sk-ant-oat01-TEST-stored'), null, null)
    const issued = profileGeneration(new Secret('sk-ant-oat01-TEST-issued'), null, null)
    const source = profileSource({
      find: async () => ({
        place: 'profile default',
        stored,
        isSignedOut: false,
        renewable: true,
        headers: {},
        baseUrl: null,
      }),
      watch: () => NOTHING_TO_WATCH,
      refresh: async () => ({ kind: 'renewed', generation: issued }),
    })
    const fingerprint = async () => {
      const [reading] = await source.read()
      return reading?.kind === 'present' ? reading.credential.fingerprint : null
    }
    expect(await fingerprint()).toBe(stored.accessToken.fingerprint)
    await refreshOf(source)
    expect(await fingerprint()).toBe(issued.accessToken.fingerprint)
  })
})
