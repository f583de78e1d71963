import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { emptyHome } from '../support/provider/signed-in.ts'

const ADA = 501

/** What every sendChannel says of the credential: state, reason, and the exit codes of the commands. */
async function sendChannels({ gateway }: BotFixture) {
  const [auth, status, doctor, metrics] = await Promise.all([
    gateway.run(['auth', 'status', '--json']),
    gateway.run(['status', '--json']),
    gateway.run(['doctor', '--json']),
    gateway.fetch('/metrics').then((response) => response.text()),
  ])
  const said = (text: string) => {
    const { state, reason } = JSON.parse(text) as { state: string; reason: string | null }
    return `${state}/${reason}`
  }
  const { items } = JSON.parse(doctor.stdout) as { items: Array<{ id: string; message: string }> }
  return {
    auth: [said(auth.stdout), auth.code],
    status: [said(JSON.stringify(JSON.parse(status.stdout).credential)), status.code],
    doctor: items.find(({ id }) => id === 'credential')?.message,
    metrics: /^hermes_credential_state\{state="([\w-]+)"\} 1$/m.exec(metrics)?.[1],
  }
}

test(
  'all sendChannels tell one state while the provider rejects every token, the fresh one too',
  PROCESS_TEST,
  async () => {
    await using fixture = await BotFixture.start({ apiKey: false, start: false })
    await fixture.signedIn({ tokenLifetimeSeconds: 28_800 })
    await fixture.gateway.start()
    fixture.sandbox.control.fault({ target: 'messages', fault: 'invalid' })
    fixture.telegram.say(ADA, 'hello')
    await fixture.untilState('degraded')
    expect(await fixture.gateway.readiness()).toMatchObject({ state: 'degraded', reason: 'revoked' })
    expect(await sendChannels(fixture)).toEqual({
      auth: ['degraded/revoked', 4],
      status: ['degraded/revoked', 4],
      doctor: expect.stringContaining('The credential is degraded (revoked)'),
      metrics: 'degraded',
    })
  },
)

test(
  'all sendChannels tell that a profile works, whose token is in the gateway’s memory alone',
  PROCESS_TEST,
  async () => {
    const folder = await emptyHome()
    await using fixture = await BotFixture.start({
      apiKey: false,
      start: false,
      processEnv: { ANTHROPIC_CONFIG_DIR: folder },
    })
    const { accessToken, refreshToken, expiresAt } = fixture.sandbox.signIn({ tokenLifetimeSeconds: 28_800 })
    await mkdir(join(folder, 'configs'))
    await mkdir(join(folder, 'credentials'), { mode: 0o700 })
    await writeFile(
      join(folder, 'configs', 'default.json'),
      JSON.stringify({ authentication: { type: 'user_oauth', client_id: 'client-TEST' } }),
    )
    await writeFile(
      join(folder, 'credentials', 'default.json'),
      JSON.stringify({
        version: '1.0',
        type: 'oauth_token',
        access_token: accessToken,
        refresh_token: refreshToken,
        expires_at: Math.floor(expiresAt / 1_000),
      }),
      { mode: 0o600 },
    )
    await fixture.gateway.start()
    fixture.telegram.say(ADA, 'hello')
    await fixture.until(() => fixture.shown(ADA).length === 1, 'the answer')
    expect(await sendChannels(fixture)).toEqual({
      auth: ['healthy/null', 0],
      status: ['healthy/null', 0],
      doctor: expect.stringContaining('Using profile'),
      metrics: 'healthy',
    })
  },
)
