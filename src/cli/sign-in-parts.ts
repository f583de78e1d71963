import { createProbe } from '../anthropic/probe.ts'
import type { Config } from '../config/config.ts'
import { loadSettings } from '../config/settings.ts'
import { applyNetworkSettings } from '../config/network.ts'
import { OwnStore } from '../credentials/own-store.ts'
import type { OAuthSettings } from '../oauth/settings.ts'
import { TokenEndpoint } from '../oauth/token-endpoint.ts'
import { systemClock } from '../support/clock.ts'
import { machineId } from '../support/machine.ts'
import type { Secret } from '../support/secret.ts'
import type { GlobalOptions } from './program.ts'

/** What a sign-in from the command line needs. */
export interface SignInParts {
  readonly settings: OAuthSettings
  readonly endpoint: TokenEndpoint
  readonly store: OwnStore
  /** Asks the provider. @returns the sentence of its refusal; null = it takes the key */
  proveKey(key: Secret): Promise<string | null>
  /** What is used instead of the own sign-in, such as a variable; null = the own one is. */
  winner(): Promise<string | null>
}
