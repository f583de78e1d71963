/** The places of everything the gateway keeps. */
export interface HomePaths {
  readonly home: string
  readonly config: string
  readonly env: string
  readonly credentials: string
  readonly database: string
  readonly soul: string
  readonly gatewayToken: string
}
