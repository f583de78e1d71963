/** Why a production gateway does not use a token that the simulated Anthropic issued. */
export const SANDBOX_TOKEN_REFUSED = 'is a token of the sandbox, which means nothing to the real service'
