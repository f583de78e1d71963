import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { profileAccess, type ProfileOptions } from '../../../src/anthropic/profile.ts'
import type { ProfileAccess } from '../../../src/credentials/sources/profile.ts'
import { systemClock } from '../../../src/support/clock.ts'
import { Secret } from '../../../src/support/secret.ts'
import { afterThisTest } from './signed-in.ts'

const VARIABLES = [
  'ANTHROPIC_CONFIG_DIR',
  'ANTHROPIC_FEDERATION_RULE_ID',
  'ANTHROPIC_ORGANIZATION_ID',
  'ANTHROPIC_IDENTITY_TOKEN',
] as const

/** A folder of profiles as Anthropic's own tools leave it, and the server that gives its tokens. Ends with the test. */
export class ProfileFixture {
  readonly folder: string
  readonly baseUrl: string
  /** Address and body of each request. */
  readonly requests: string[]
  /** Answers the next requests; while it is null they get another token each. */
  answer: ((response: ServerResponse) => void) | null = null

  private constructor(folder: string, baseUrl: string, requests: string[]) {
    this.folder = folder
    this.baseUrl = baseUrl
    this.requests = requests
  }

  static async start(): Promise<ProfileFixture> {
    const folder = await mkdtemp(join(tmpdir(), 'anthropic-profile-'))
    const requests: string[] = []
    const server = createServer(async (request, response) => {
      let body = ''
      for await (const piece of request) body += piece
      requests.push(`${request.url} ${body}`)
      response.setHeader('content-type', 'application/json')
      if (fixture.answer) fixture.answer(response)
      else says(200, issued(`issued-${requests.length}`))(response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const before = VARIABLES.map((name) => [name, process.env[name]] as const)
    afterThisTest(async () => {
      for (const [name, value] of before) setVariable(name, value)
      server.closeAllConnections()
      server.close()
      await rm(folder, { recursive: true, force: true })
    })
    for (const name of VARIABLES) setVariable(name, undefined)
    setVariable('ANTHROPIC_CONFIG_DIR', folder)
    const { port } = server.address() as AddressInfo
    const fixture = new ProfileFixture(folder, `http://127.0.0.1:${port}`, requests)
    return fixture
  }

  access(options: Partial<ProfileOptions> = {}): ProfileAccess {
    const { baseUrl } = this
    const userAgent = 'hermes-gateway/0.0.0-test'
    return profileAccess({
      baseUrl,
      usesProfileAddress: true,
      userAgent,
      profile: null,
      clock: systemClock,
      ...options,
    })
  }

  get file(): string {
    return join(this.folder, 'credentials', 'default.json')
  }

  /** What `ant auth login` leaves. @returns the access token */
  async signIn(name = 'first', config: Record<string, unknown> = {}): Promise<Secret> {
    await mkdir(join(this.folder, 'configs'), { recursive: true })
    const authentication = { type: 'user_oauth', client_id: 'client-TEST' }
    await writeFile(
      join(this.folder, 'configs', 'default.json'),
      JSON.stringify({ authentication, ...config }),
    )
    return this.store(name)
  }

  /** Another program, or a person, stores a pair. */
  async store(name: string, secondsLeft = 7_200): Promise<Secret> {
    await mkdir(join(this.folder, 'credentials'), { mode: 0o700, recursive: true })
    const token = `sk-ant-oat01-TEST-${name}`
    await writeFile(
      this.file,
      JSON.stringify({
        version: '1.0',
        type: 'oauth_token',
        access_token: token,
        refresh_token: `sk-ant-ort01-TEST-${name}`,
        expires_at: Math.floor(Date.now() / 1_000) + secondsLeft,
      }),
      { mode: 0o600 },
    )
    return new Secret(token)
  }

  async storedToken(): Promise<string> {
    return (JSON.parse(await readFile(this.file, 'utf8')) as { access_token: string }).access_token
  }

  /** No profile: an identity of the environment. */
  useWorkloadIdentity(): void {
    setVariable('ANTHROPIC_FEDERATION_RULE_ID', 'rule-TEST')
    setVariable('ANTHROPIC_ORGANIZATION_ID', 'organization-TEST')
    setVariable('ANTHROPIC_IDENTITY_TOKEN', 'identity-TEST')
  }
}

/** What a token endpoint says when it gives a pair. */
export function issued(name: string, expiresIn = 3_600): Record<string, unknown> {
  return {
    access_token: `sk-ant-oat01-TEST-${name}`,
    expires_in: expiresIn,
    token_type: 'Bearer',
    refresh_token: `sk-ant-ort01-TEST-${name}`,
  }
}

export function says(status: number, body: unknown): (response: ServerResponse) => void {
  return (response) => {
    response.statusCode = status
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }
}

function setVariable(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
}
