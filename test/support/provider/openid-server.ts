import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Provider, type Configuration } from 'oidc-provider'

const CALLBACK = '/oauth/code/callback'
/** Pages of one sign-in, with room to spare. */
const MAX_STEPS = 10
const SCOPES = ['user:profile', 'user:inference']

export interface OpenIdOptions {
  /** Life of an access token. */
  readonly tokenLifeSeconds: number
  /** What stands behind the tokens, and the key under which it is asked in their place. */
  readonly model: { readonly url: string; readonly key: string }
}

/**
 * A certified OpenID provider as authorization server: PKCE required, refresh tokens
 * rotated at each use, forms only. A page shows the code with its state for copying,
 * and the Messages API behind it takes the tokens that are alive and no others.
 */
export class OpenIdServer implements AsyncDisposable {
  static readonly clientId = 'hermes-TEST'
  readonly url: string
  /** Each request to the token endpoint by its media type, in order. */
  readonly tokenRequests: string[] = []
  /** Grants that were carried out and refused, by their type or error. */
  readonly grants: string[] = []
  readonly #provider: Provider
  readonly #server

  private constructor(url: string, provider: Provider, server: ReturnType<typeof createServer>) {
    this.url = url
    this.#provider = provider
    this.#server = server
    provider.on('grant.success', (ctx) => this.grants.push(String(ctx.oidc.params?.['grant_type'])))
    provider.on('grant.error', (_ctx, error) => this.grants.push(error.error))
  }

  static async start(options: OpenIdOptions): Promise<OpenIdServer> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const provider = new Provider(url, configuration(url, options.tokenLifeSeconds))
    const self = new OpenIdServer(url, provider, server)
    const oauth = provider.callback()
    server.on('request', (request, response) => {
      void self.#answer(request, response, oauth, options.model).catch(() => response.destroy())
    })
    return self
  }

  get port(): number {
    return Number(new URL(this.url).port)
  }

  /** As `auth.oauth` of the configuration; `tokenUrl`: where the token endpoint is reached instead. */
  settings(tokenUrl = `${this.url}/token`): Record<string, unknown> {
    return {
      authorize_url: `${this.url}/auth`,
      token_urls: [tokenUrl],
      client_id: OpenIdServer.clientId,
      redirect_uri: this.url + CALLBACK,
      scopes: SCOPES,
    }
  }

  /** Signs in as a browser would. @returns what the last page shows, or the text of a refusal */
  async authorize(address: string): Promise<string> {
    const cookies = new Map<string, string>()
    let next = address
    for (let step = 0; step < MAX_STEPS; step++) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const answer = await fetch(next, { redirect: 'manual', headers: { cookie } })
      for (const set of answer.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(set)!
        cookies.set(name!, value!)
      }
      const location = answer.headers.get('location')
      if (location === null) {
        const text = await answer.text()
        return /<pre id="code">([^<]+)<\/pre>/.exec(text)?.[1] ?? text
      }
      next = new URL(location, next).href
    }
    throw new Error(`the sign-in goes round in circles: ${next}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    oauth: (request: IncomingMessage, response: ServerResponse) => unknown,
    model: OpenIdOptions['model'],
  ): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url)
    if (pathname.startsWith('/v1/')) return await this.#askModel(request, response, model)
    if (pathname.startsWith('/person/')) {
      // A person who agrees to everything at once.
      const result = { login: { accountId: 'ada-TEST' }, consent: {} }
      return await this.#provider.interactionFinished(request, response, result)
    }
    if (pathname === CALLBACK) {
      response.setHeader('content-type', 'text/html; charset=utf-8')
      const code = searchParams.get('error') ?? `${searchParams.get('code')}#${searchParams.get('state')}`
      response.end(`<title>Your code</title><pre id="code">${code}</pre>`)
      return
    }
    if (pathname === '/token') this.tokenRequests.push(request.headers['content-type'] ?? '')
    await oauth(request, response)
  }

  async #askModel(request: IncomingMessage, response: ServerResponse, model: OpenIdOptions['model']) {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]
    const known = token === undefined ? undefined : await this.#provider.AccessToken.find(token)
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const answer = await fetch(model.url + request.url, {
      method: request.method ?? 'GET',
      // An unknown token is refused by the model's own rules.
      headers: {
        'content-type': 'application/json',
        'anthropic-version': '2023-06-01',
        ...(known ? { 'x-api-key': model.key } : { authorization: 'Bearer TEST-unknown' }),
      },
      ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
    })
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
    for await (const chunk of answer.body ?? []) response.write(chunk)
    response.end()
  }
}

function configuration(url: string, tokenLifeSeconds: number): Configuration {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return {
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kty: 'RSA', use: 'sig', alg: 'RS256' }] },
    cookies: { keys: ['TEST-cookie-key'] },
    clients: [
      {
        client_id: OpenIdServer.clientId,
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        redirect_uris: [url + CALLBACK, 'http://localhost/callback'],
        scope: SCOPES.join(' '),
      },
    ],
    scopes: SCOPES,
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: async () => true,
    expiresWithSession: async () => false,
    ttl: {
      AccessToken: tokenLifeSeconds,
      RefreshToken: 3_600,
      AuthorizationCode: 60,
      Grant: 3_600,
      Interaction: 60,
      Session: 60,
    },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_ctx, interaction) => `/person/${interaction.uid}` },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    async loadExistingGrant(ctx) {
      const { provider, client, session } = ctx.oidc
      const grant = new provider.Grant({ clientId: client!.clientId, accountId: session!.accountId! })
      grant.addOIDCScope(SCOPES.join(' '))
      await grant.save()
      return grant
    },
  }
}
