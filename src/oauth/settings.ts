import type { OAuthConfig } from '../config/config.ts'

/** Where and as whom the gateway signs in: `auth.oauth` of the configuration. */
export type OAuthSettings = OAuthConfig

/** How the body of a token request is written. */
export type BodyEncoding = 'json' | 'form'
