import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { startSandbox } from '../../src/sandbox/sandbox.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'
import { LoginCommand, storedSignIns } from '../support/processes/login-command.ts'
import { slowLine } from '../support/processes/slow-line.ts'
import { OpenIdServer } from '../support/provider/openid-server.ts'
import { until } from '../support/until.ts'

const STORY = { timeout: 120_000 } as const
/** Two thirds of it pass before a refresh; a busy machine has the rest. */
const SHORT_LIFE_SECONDS = 16
const TAKE_OVER_MS = 5_000

test(
  'at a server that knows forms only, requires PKCE and rotates: signed in over a slow line, renewed twice, answered all the time',
  STORY,
  async () => {
    const sandbox = await startSandbox({ marked: false })
    await using _sandbox = { [Symbol.asyncDispose]: () => sandbox.close() }
    sandbox.control.answer({ style: 'echo' })
    const model = { url: sandbox.url, key: sandbox.apiKey() }
    await using server = await OpenIdServer.start({ tokenLifeSeconds: SHORT_LIFE_SECONDS, model })
    await using line = await slowLine(server.port, { bytes: 64, everyMs: 50 })
    await using gateway = await GatewayProcess.start({
      config: {
        model: { base_url: server.url },
        auth: { oauth: server.settings(`http://127.0.0.1:${line.port}/token`) },
      },
    })
    expect((await gateway.readiness()).state).toBe('needs-login')
    await gateway.say('a', 'before')

    const login = new LoginCommand(gateway)
    const url = await login.url()
    const paste = await server.authorize(url)
    await login.trickle(`${paste}\n`, 2_000)
    expect(await login.ended).toMatchObject({ code: 0, stderr: '' })
    const asked = (text: string) => sandbox.requests.some((request) => request.text === text)
    await until(() => asked('before'), 'the held message', TAKE_OVER_MS)
    // JSON first; the refusal proves that the code was not touched.
    expect(server.tokenRequests.slice(0, 2)).toEqual([
      'application/json',
      expect.stringContaining('application/x-www-form-urlencoded'),
    ])
    expect(server.grants.slice(0, 2)).toEqual(['invalid_request', 'authorization_code'])

    const first = storedSignIns(gateway.home)
    const renewals = () => server.grants.filter((grant) => grant === 'refresh_token').length
    await until(() => renewals() >= 2, 'two renewals', 40_000)
    await gateway.say('a', 'after')
    await until(() => asked('after'), 'the next answer')
    expect(storedSignIns(gateway.home)).not.toBe(first)
    // No refresh token was spent twice: that would have cost the whole sign-in.
    expect(server.grants).not.toContain('invalid_grant')
    expect((await gateway.readiness()).state).toBe('ready')

    // The code is used up, and without a challenge the server gives none at all.
    const again = new LoginCommand(gateway)
    const state = new URL(await again.url()).searchParams.get('state')
    const refused = await again.line(`${paste.split('#')[0]}#${state}`)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/^hermes: The code was refused.*\n$/)
    const bare = new URL(url)
    bare.searchParams.delete('code_challenge')
    expect(await server.authorize(bare.href)).toBe('invalid_request')
  },
)
