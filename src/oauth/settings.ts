/** Where and as whom the gateway signs in. Every value comes from the configuration (`auth.oauth`). */
export interface OAuthSettings {
  /** The page a person opens. Parameters it already carries are kept. */
  readonly authorizeUrl: string
  /** Tried in this order; the last ones are last resorts. */
  readonly tokenUrls: readonly string[]
  readonly clientId: string
  /** Where the person ends up: a page that shows `code#state` for copying, or a loopback address. */
  readonly redirectUri: string
  readonly scopes: readonly string[]
  /** Our own name. The gateway never presents itself as another program. */
  readonly userAgent: string
  /** Further headers of token requests, for an organisation's own endpoint or proxy. */
  readonly headers: Readonly<Record<string, string>>
}

/** How the body of a token request is written. */
export type BodyEncoding = 'json' | 'form'
