import type { IssuedTokens } from '../../../src/oauth/token-endpoint.ts'
import type { IssuedSignIn } from '../../../src/sandbox/types.ts'
import { Secret } from '../../../src/support/secret.ts'

/** What the token endpoint would have answered when it issued this. */
export function tokensOf(issued: IssuedSignIn): IssuedTokens {
  return {
    accessToken: new Secret(issued.accessToken),
    refreshToken: new Secret(issued.refreshToken),
    expiresInMs: issued.expiresAt - issued.issuedAt,
    expiryAssumed: false,
    loginExpiresInMs: issued.refreshTokenExpiresAt - issued.issuedAt,
    scopes: issued.scopes,
    accountId: issued.accountId,
    accountEmail: issued.email,
    organizationId: issued.organizationId,
  }
}
