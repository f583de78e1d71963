import { spawn } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts'
import { fingerprint } from '../../src/support/secret.ts'
import { BIN, finish, GatewayProcess, type GatewayOptions } from '../support/processes/gateway-process.ts'
import { configFor, LoginCommand, storedSignIns } from '../support/processes/login-command.ts'
import { slowLine } from '../support/processes/slow-line.ts'
import { until } from '../support/until.ts'

/** Many processes on a machine that may be busy. */
const STORY = { timeout: 180_000 } as const
/** A running gateway takes a new sign-in over within this. */
const TAKE_OVER_MS = 5_000

/** A provider, and a home at it; the gateway does not run yet. */
class Desk implements AsyncDisposable {
  readonly sandbox: Sandbox
  readonly gateway: GatewayProcess

  private constructor(sandbox: Sandbox, gateway: GatewayProcess) {
    this.sandbox = sandbox
    this.gateway = gateway
  }

  static async open(options: Partial<GatewayOptions> & { readonly marked?: boolean } = {}): Promise<Desk> {
    const { marked = false, ...rest } = options
    const sandbox = await startSandbox({ marked, tokenLifetimeSeconds: 28_800 })
    sandbox.control.answer({ style: 'echo' })
    return new Desk(sandbox, await GatewayProcess.prepare({ config: configFor(sandbox), ...rest }))
  }

  get stored(): string | null {
    return storedSignIns(this.gateway.home)
  }

  /** The whole sign-in, as a script does it. */
  async login(flags = ['--headless', '--yes'], account: Parameters<Sandbox['authorize']>[1] = {}) {
    const command = new LoginCommand(this.gateway, flags)
    return await command.line(this.sandbox.authorize(await command.url(), account))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway[Symbol.asyncDispose]()
    await this.sandbox.close()
  }
}

describe.concurrent('hermes auth login --headless on pipes', () => {
  // Of several at once, only its own `expect` knows which test polls.
  test('a running gateway answers with the new sign-in within five seconds', STORY, async ({ expect }) => {
    await using desk = await Desk.open()
    const { gateway, sandbox } = desk
    await gateway.start()
    expect((await gateway.readiness()).state).toBe('needs-login')
    await gateway.say('a', 'waiting')
    const login = new LoginCommand(gateway, ['--headless', '--yes', '--qr'])
    const paste = sandbox.authorize(await login.url())
    const first = await login.line(paste)
    expect(first).toMatchObject({ code: 0, stderr: '' })
    // A QR code of half blocks, with its quiet zone.
    expect(first.stdout).toMatch(/(?:[█▀▄ ]{40,}\n){20}/)
    expect(first.stdout).toMatch(/Signed in as operator@sandbox\.example/)
    for (const secret of paste.split('#'))
      expect(first.stdout.replace(await login.url(), '')).not.toContain(secret)
    await until(
      () => sandbox.requests.some(({ text }) => text === 'waiting'),
      'the held message',
      TAKE_OVER_MS,
    )

    // Another one of the same account takes the place of a living one, without a restart.
    const before = sandbox.requests.at(-1)!.fingerprint
    expect((await desk.login()).code).toBe(0)
    const inUse = async () =>
      (await gateway.json<{ credential: { fingerprint: string } }>('/api/status')).credential.fingerprint
    await expect.poll(inUse, { timeout: TAKE_OVER_MS, interval: 20 }).not.toBe(before)
    const now = await inUse()
    await gateway.say('a', 'after')
    await until(() => sandbox.requests.some(({ text }) => text === 'after'), 'the next answer')
    expect(sandbox.requests.at(-1)!.fingerprint).toBe(now)
  })

  test('whatever is wrong with the paste is one sentence, and the old sign-in stays', STORY, async () => {
    await using desk = await Desk.open()
    const { sandbox, gateway } = desk
    expect((await desk.login()).code).toBe(0)
    const old = desk.stored
    const exchanges = sandbox.counts.tokenRequests
    const refusals: Array<[what: string, paste: (url: string) => string, sentence: RegExp]> = [
      ['nothing at all', () => '', /Nothing was pasted/],
      ['an empty line', () => '\n', /Nothing was pasted/],
      [
        'another state',
        (url) => `${sandbox.authorize(url).split('#')[0]}#${'w'.repeat(43)}\n`,
        /another sign-in/,
      ],
      ['no state', (url) => `${sandbox.authorize(url).split('#')[0]}\n`, /Only half of the code/],
      ['a token', () => 'sk-ant-oat01-TEST-pasted-in-error\n', /a token, not a sign-in code/],
      ['a refusal on the page', () => `${sandbox.redirectUri}?error=access_denied&state=x\n`, /declined/],
    ]
    const results = await Promise.all(
      refusals.map(async ([what, paste, sentence]) => {
        const command = new LoginCommand(gateway)
        const { code, stderr } = await command.end(paste(await command.url()))
        return {
          what,
          code,
          lines: stderr.trimEnd().split('\n').length,
          said: sentence.test(stderr) || stderr,
        }
      }),
    )
    expect(results).toEqual(refusals.map(([what]) => ({ what, code: 1, lines: 1, said: true })))
    expect(sandbox.counts.tokenRequests).toBe(exchanges)

    const used = new LoginCommand(gateway)
    const state = new URL(await used.url()).searchParams.get('state')
    const refused = await used.end(`TESTcode0123456789abcdef#${state}\n`)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/^hermes: The code was refused.*\n$/)
    expect(sandbox.counts.tokenRequests).toBe(exchanges + 1)
    expect(desk.stored).toBe(old)
    const status = await gateway.run(['auth', 'status', '--json'])
    expect(JSON.parse(status.stdout)).toMatchObject({ state: 'healthy', source: 'own' })
  })

  test('without --yes on a pipe nothing is read', STORY, async () => {
    await using desk = await Desk.open()
    const script = `printf 'left for the next one' | { "$0" "$1" auth login --headless --home "$2"; echo "exit $?"; cat; }`
    const { gateway, sandbox } = desk
    const child = spawn('sh', ['-c', script, process.execPath, BIN, gateway.home], {
      env: { PATH: process.env['PATH'] ?? '', HOME: gateway.home },
      stdio: 'pipe',
    })
    const { stdout, stderr } = await finish(child)
    expect(stdout).toMatch(/Claude subscription[\s\S]*exit 2\nleft for the next one$/)
    expect(stdout).not.toContain(sandbox.authorizeUrl)
    expect(stderr).toContain('--yes')
    expect(desk.stored).toBeNull()
  })

  test("another account takes the present one's place only by --replace", STORY, async () => {
    await using desk = await Desk.open()
    await desk.login()
    const old = desk.stored
    const other = { accountId: 'other-TEST', email: 'other@sandbox.example' }
    const refused = await desk.login(['--headless', '--yes'], other)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/other@sandbox\.example.*operator@sandbox\.example.*--replace/)
    expect(desk.stored).toBe(old)
    const replaced = await desk.login(['--headless', '--yes', '--replace'], other)
    expect(replaced).toMatchObject({ code: 0, stderr: '' })
    expect(replaced.stdout).toContain('Signed in as other@sandbox.example')
    expect(desk.stored).not.toBe(old)
  })

  test('too many requests: the exchange waits, and continues at the same address', STORY, async () => {
    await using desk = await Desk.open()
    desk.sandbox.control.fault({ target: 'token-endpoint', fault: 'invalid-request' })
    desk.sandbox.control.fault({ target: 'token-endpoint', fault: '429', retryAfter: 2, times: 1 })
    const login = await desk.login()
    expect(login).toMatchObject({ code: 0, stderr: '' })
    expect(desk.stored).not.toBeNull()
    // JSON, which is refused; a form, which has to wait; and the form again.
    expect(desk.sandbox.counts.tokenRequests).toBe(3)
  })

  test('over a very slow line, the paste and the answer arrive in the end', STORY, async () => {
    await using desk = await Desk.open()
    const { gateway, sandbox } = desk
    await using line = await slowLine(sandbox.port, { bytes: 16, everyMs: 80 })
    const config = configFor(sandbox)
    const oauth = {
      ...(config['auth']!['oauth'] as object),
      token_urls: [sandbox.tokenUrl.replace(String(sandbox.port), String(line.port))],
    }
    gateway.configure({ ...config, auth: { oauth } })
    const login = new LoginCommand(gateway)
    // The whole address that the browser ended at, as people copy it.
    const [code, state] = sandbox.authorize(await login.url()).split('#')
    await login.trickle(`${sandbox.redirectUri}?code=${code}&state=${state}\n`, 10_000)
    expect(await login.ended).toMatchObject({ code: 0, stderr: '' })
    expect(desk.stored).toContain('sk-ant-ort')
  })

  test('variables of the environment do not win over the newest sign-in', STORY, async () => {
    await using desk = await Desk.open({
      processEnv: {
        ANTHROPIC_API_KEY: 'sk-ant-api03-TEST',
        ANTHROPIC_TOKEN: 'sk-ant-oat01-TEST-static-token',
      },
    })
    expect(await desk.login()).toMatchObject({ code: 0, stderr: '' })
    const sources = JSON.parse((await desk.gateway.run(['auth', 'sources', '--json'])).stdout)
    expect(sources.items.find(({ inUse }: { inUse: boolean }) => inUse)).toMatchObject({ source: 'own' })
  })

  test('a sign-in that is stored and cannot be used is no success', STORY, async () => {
    await using desk = await Desk.open({ marked: true })
    const login = await desk.login()
    expect(login.code).toBe(1)
    expect(login.stderr).toMatch(/is stored, but cannot be used here: .*sandbox/i)
  })
})

describe.concurrent('hermes auth login --api-key on pipes', () => {
  test('takes the key from the input, asks the provider, and stores it only then', STORY, async () => {
    await using desk = await Desk.open()
    const { gateway, sandbox } = desk
    const key = sandbox.apiKey()
    const login = (input: string) => new LoginCommand(gateway, ['--api-key']).end(input)
    const refused: Array<[input: string, sentence: RegExp]> = [
      ['', /The key is empty/],
      ['sk-ant-api03-TEST-unknown-key\n', /does not accept this key\. Nothing was stored/],
      ['sk-ant-oat01-TEST-not-a-key-at-all\n', /OAuth token, not an API key/],
      ['TESTcode01234#TESTstate01234\n', /code#state/],
      ['two words\n', /white space/],
    ]
    for (const [input, sentence] of refused) {
      const { code, stdout, stderr } = await login(input)
      expect(code).toBe(1)
      expect(stderr).toMatch(sentence)
      expect((stdout + stderr).split(input.trim() || 'nothing')).toHaveLength(1)
    }
    expect(desk.stored).toBeNull()
    const taken = await login(`${key}\n`)
    expect(taken).toMatchObject({ code: 0, stderr: '' })
    expect(taken.stdout).toContain(fingerprint(key))
    expect(taken.stdout).not.toContain(key)
    expect(desk.stored).toContain(key)

    await sandbox.close()
    const nobody = await login('sk-ant-api03-TEST-another-key\n')
    expect(nobody.code).toBe(1)
    expect(nobody.stderr).toMatch(/cannot be asked right now\. Nothing was stored/)
  })
})
