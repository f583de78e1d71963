import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { BotFixture, PROCESS_TEST, type BotOptions } from '../support/processes/bot-fixture.ts'
import { emptyHome } from '../support/provider/signed-in.ts'

const ADA = 501

/** What every outlet says of the credential: state and reason, and the exit codes of the commands. */
async function outlets({ gateway }: BotFixture) {
  const [auth, status, doctor, metrics, page] = await Promise.all([
    gateway.run(['auth', 'status', '--json']),
    gateway.run(['status', '--json']),
    gateway.run(['doctor', '--json']),
    gateway.fetch('/metrics').then((response) => response.text()),
    gateway.json<{ credential: object }>('/api/status'),
  ])
  const said = (value: object) => {
    const { state, reason } = value as { state: string; reason: string | null }
    return `${state}/${reason}`
  }
  const { items } = JSON.parse(doctor.stdout) as { items: Array<{ id: string; message: string }> }
  return {
    auth: [said(JSON.parse(auth.stdout)), auth.code],
    status: [said(JSON.parse(status.stdout).credential), status.code],
    page: said(page.credential),
    doctor: items.find(({ id }) => id === 'credential')?.message,
    metrics: [...metrics.matchAll(/^hermes_credential_state\{state="([\w-]+)"\} 1$/gm)].map(
      ([, name]) => name,
    ),
  }
}

interface Story {
  readonly what: string
  readonly options?: BotOptions
  /** Before the gateway starts. */
  readonly prepare: (fixture: BotFixture) => unknown
  /** While it runs, before somebody writes. */
  readonly breaks?: (fixture: BotFixture) => unknown
  readonly state: string
  readonly reason: string
  readonly code: number
  /** `at-risk` answers all the same. */
  readonly answers?: true
}

const SIGN_IN = { tokenLifetimeSeconds: 28_800 }
const rejectAll = ({ sandbox }: BotFixture) => sandbox.control.fault({ target: 'messages', fault: 'invalid' })

const STORIES: readonly Story[] = [
  {
    what: 'the provider rejects every token, the fresh one too',
    prepare: (fixture) => fixture.signedIn(SIGN_IN),
    breaks: rejectAll,
    state: 'degraded',
    reason: 'revoked',
    code: 4,
  },
  {
    what: 'the sign-in was revoked',
    prepare: (fixture) => fixture.signedIn(SIGN_IN),
    breaks(fixture) {
      rejectAll(fixture)
      fixture.sandbox.control.fault({ target: 'token-endpoint', fault: 'invalid-grant' })
    },
    state: 'needs-login',
    reason: 'revoked',
    code: 3,
  },
  {
    what: 'the organisation forbids it',
    prepare: (fixture) => fixture.signedIn(SIGN_IN),
    breaks: ({ sandbox }) => sandbox.control.fault({ target: 'messages', fault: 'org-not-allowed' }),
    state: 'not-permitted',
    reason: 'policy',
    code: 3,
  },
  {
    what: 'the sign-in was copied from another machine',
    prepare: (fixture) => fixture.signedIn(SIGN_IN, 'another-machine'),
    state: 'needs-login',
    reason: 'other-machine',
    code: 3,
  },
  {
    what: 'a token was rejected and the token endpoint is down',
    prepare: (fixture) => fixture.signedIn(SIGN_IN),
    breaks(fixture) {
      rejectAll(fixture)
      fixture.sandbox.control.fault({ target: 'token-endpoint', fault: '503' })
    },
    state: 'degraded',
    reason: 'endpoint',
    code: 4,
  },
  {
    what: 'a token that nothing can renew is in use',
    prepare: ({ sandbox, gateway }) =>
      appendFile(join(gateway.home, '.env'), `ANTHROPIC_TOKEN=${sandbox.signIn(SIGN_IN).accessToken}\n`),
    state: 'at-risk',
    reason: 'unrenewable',
    code: 0,
    answers: true,
  },
  {
    what: 'the API key is used for a dead sign-in',
    options: { config: { auth: { fallback_api_key: true } } },
    async prepare(fixture) {
      await fixture.signedIn(SIGN_IN)
      await appendFile(join(fixture.gateway.home, '.env'), `ANTHROPIC_API_KEY=${fixture.sandbox.apiKey()}\n`)
    },
    breaks({ sandbox }) {
      sandbox.control.fault({ target: 'messages', fault: 'invalid', credential: 'oauth' })
      sandbox.control.fault({ target: 'token-endpoint', fault: 'invalid-grant' })
    },
    state: 'at-risk',
    reason: 'revoked',
    code: 0,
    answers: true,
  },
]

test.each(STORIES)(
  'all outlets tell one state while $what',
  PROCESS_TEST,
  async ({ options = {}, prepare, breaks, state, reason, code, answers }) => {
    await using fixture = await BotFixture.start({ ...options, apiKey: false, start: false })
    await prepare(fixture)
    await fixture.gateway.start()
    breaks?.(fixture)
    fixture.telegram.say(ADA, 'hello')
    if (answers) await fixture.until(() => fixture.shown(ADA).length === 1, 'the answer')
    else await fixture.untilState(state)
    const said = `${state}/${reason}`
    expect(await outlets(fixture)).toEqual({
      auth: [said, code],
      status: [said, code],
      page: said,
      doctor: expect.stringContaining(`The credential is ${state} (${reason})`),
      metrics: [state],
    })
    const ready = { status: 200, state: 'ready', reason: null }
    expect(await fixture.gateway.readiness()).toEqual(answers ? ready : { status: 503, state, reason })
  },
)

test.each<[string, { readonly base_url?: string }]>([
  ['at the configured address', {}],
  // Nothing listens there: every request goes to the address of the profile.
  ['at its own address, where the configuration names none', { base_url: 'https://api.anthropic.com' }],
])(
  'all outlets tell that a profile works %s, whose token is in the gateway’s memory alone',
  PROCESS_TEST,
  async (_where, model) => {
    const folder = await emptyHome()
    await using fixture = await BotFixture.start({
      apiKey: false,
      start: false,
      processEnv: {
        ANTHROPIC_CONFIG_DIR: folder,
        // What is sent to Anthropic's own address ends there.
        HTTPS_PROXY: 'http://127.0.0.1:9',
        NO_PROXY: '127.0.0.1',
      },
      config: { model },
    })
    const { accessToken, refreshToken, expiresAt } = fixture.sandbox.signIn({ tokenLifetimeSeconds: 28_800 })
    await mkdir(join(folder, 'configs'))
    await mkdir(join(folder, 'credentials'), { mode: 0o700 })
    await writeFile(
      join(folder, 'configs', 'default.json'),
      JSON.stringify({
        authentication: { type: 'user_oauth', client_id: 'client-TEST' },
        ...(model.base_url ? { base_url: fixture.sandbox.url } : {}),
      }),
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
    expect(await outlets(fixture)).toEqual({
      auth: ['healthy/null', 0],
      status: ['healthy/null', 0],
      page: 'healthy/null',
      doctor: expect.stringContaining('Using profile'),
      metrics: ['healthy'],
    })
    const doctor = await fixture.gateway.run(['doctor', '--json'])
    const { items } = JSON.parse(doctor.stdout) as { items: object[] }
    expect(items).toContainEqual(
      expect.objectContaining({
        id: 'reach.model',
        level: 'ok',
        message: expect.stringContaining(fixture.sandbox.url),
      }),
    )
    expect(doctor.code).toBe(0)
  },
)
