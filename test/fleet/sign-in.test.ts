import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { FleetFixture } from '../support/processes/fleet-fixture.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'
import { LoginCommand } from '../support/processes/login-command.ts'
import { freshDatabase } from '../support/stores/postgres.ts'
import { newSecretKey } from '../support/stores/shared-place.ts'

interface CredentialView {
  readonly credential: { readonly state: string; readonly fingerprint: string | null }
}

/** A canary: it must appear nowhere. */
const KEY = newSecretKey()

/** A running gateway takes a new sign-in over within this. */
const TAKE_OVER_MS = 5_000

test(
  'a sign-in made on any machine is every gateway’s, refreshed for all, and removed for all',
  PROCESS_TEST,
  async () => {
    const databaseUrl = await freshDatabase()
    // An empty variable is no key.
    await using fixture = await FleetFixture.open({
      databaseUrl,
      env: { ANTHROPIC_API_KEY: '', HERMES_SECRET_KEY: KEY },
      config: { gateway: { log_level: 'debug' } },
    })
    await Promise.all([fixture.join(), fixture.join()])
    /** The credential of each gateway, once all of them are in this state. */
    const all = async (state: string) => {
      const views = await Promise.all(
        fixture.gateways.map((gateway) => gateway.json<CredentialView>('/api/status')),
      )
      const credentials = views.map(({ credential }) => credential)
      return credentials.every((credential) => credential.state === state) ? credentials : null
    }
    await fixture.eventually(() => all('needs-login'), 'both to know that nobody is signed in')

    // A third machine, on which no gateway runs.
    await using third = await GatewayProcess.prepare()
    for (const name of ['config.yaml', '.env']) {
      cpSync(join(fixture.gateways[0]!.home, name), join(third.home, name))
    }
    const login = new LoginCommand(third)
    const done = await login.line(fixture.sandbox.authorize(await login.url()))
    expect(done).toMatchObject({ code: 0, stderr: '' })
    const signedIn = await fixture.eventually(() => all('healthy'), 'both to take it over', TAKE_OVER_MS)
    expect(new Set(signedIn.map(({ fingerprint }) => fingerprint)).size).toBe(1)

    const status = JSON.parse((await third.run(['auth', 'status', '--json'])).stdout) as {
      state: string
      fingerprint: string
    }
    expect(status).toMatchObject({ state: 'healthy', fingerprint: signedIn[0]!.fingerprint })
    const sources = await third.run(['auth', 'sources', '--json'])
    const { items } = JSON.parse(sources.stdout) as { items: Array<{ source: string; place: string }> }
    const { host, pathname } = new URL(databaseUrl)
    expect(items.find(({ source }) => source === 'own')?.place).toBe(`postgres://${host}${pathname}`)

    const before = fixture.sandbox.counts.tokenRequests
    expect(await third.run(['auth', 'refresh'])).toMatchObject({ code: 0 })
    const refreshed = await fixture.eventually(
      async () => {
        const now = await all('healthy')
        return now?.every(({ fingerprint }) => fingerprint !== status.fingerprint) ? now : null
      },
      'both to have the new token',
      TAKE_OVER_MS,
    )
    expect(new Set(refreshed.map(({ fingerprint }) => fingerprint)).size).toBe(1)
    expect(fixture.sandbox.counts.tokenRequests).toBe(before + 1)

    expect(await third.run(['auth', 'logout'])).toMatchObject({ code: 0 })
    await fixture.eventually(() => all('needs-login'), 'both to be signed out', TAKE_OVER_MS)
    expect(fixture.sandbox.counts).toMatchObject({ invalidGrants: 0, replays: 0 })
    for (const { stdout, stderr, pid } of fixture.gateways) {
      expect(stdout + stderr).not.toContain(KEY)
      expect(stdout + stderr).not.toMatch(/sk-ant-o[ar]t/)
      expect(readFileSync(`/proc/${pid}/cmdline`, 'latin1')).not.toContain(KEY)
    }
  },
)

test(
  'without its key, or with another one, no gateway starts, and none says what it is',
  PROCESS_TEST,
  async () => {
    const databaseUrl = await freshDatabase()
    await using gateway = await GatewayProcess.prepare({ config: { storage: { url: databaseUrl } } })
    gateway.spawn()
    expect(await gateway.ended).toMatchObject({ code: 78 })
    expect(gateway.stderr).toContain('openssl rand -base64 32')
    gateway.setEnv({ HERMES_SECRET_KEY: 'TEST-not-a-key' })
    expect(await gateway.run(['auth', 'status'])).toMatchObject({ code: 78 })
    expect((await gateway.run(['auth', 'status'])).stderr).not.toContain('TEST-not-a-key')
  },
)
