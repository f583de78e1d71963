import type { IssuedTokens, TokenEndpoint } from '../../oauth/token-endpoint.ts'
import type { Clock } from '../../support/clock.ts'
import type { Secret } from '../../support/secret.ts'
import type { KeeperMemory } from '../keeper/record.ts'
import type { RefreshableSignIn } from '../sign-in.ts'
import type { OwnContent, OwnSignIn } from './own-document.ts'

/** What a person has just given. */
export type NewSignIn =
  | { readonly kind: 'oauth'; readonly tokens: IssuedTokens; readonly requestedScopes: readonly string[] }
  | { readonly kind: 'api-key'; readonly key: Secret }

/**
 * The gateway's own sign-ins, wherever they live: a file of the home, or the database
 * that several gateways share. The newest one is active, former ones stay stored.
 */
export interface OwnSignIns extends RefreshableSignIn {
  /** Once, when a gateway starts: clears up what a killed process left. Never throws. */
  open(): Promise<void>

  /** The active sign-in of either kind. Never throws. */
  current(): Promise<OwnContent>

  /** The active sign-in and the previous ones, newest first; empty when the store cannot be used. */
  list(): Promise<OwnSignIn[]>

  /**
   * Makes a new sign-in the active one. The previous one stays stored, inactive. Never
   * waits for a refresh that is under way.
   *
   * @throws StoreError when the store rejects it; nothing is then changed
   */
  signIn(given: NewSignIn): Promise<OwnSignIn>

  /**
   * Removes every own sign-in, former ones included: after it nothing of the gateway's
   * own can be used. Resolves to false when there was none.
   *
   * @throws StoreError
   */
  logout(): Promise<boolean>

  /** Declares a copied sign-in to belong here. False when it did already. @throws StoreError */
  adopt(): Promise<boolean>
}

/** What a place of own sign-ins is opened with. */
export interface OwnPlaceParts {
  readonly endpoint: TokenEndpoint
  readonly clock: Clock
  readonly onWarning: (message: string) => void
}

/** Where own sign-ins live, with what the keeper remembers of them. */
export interface OwnPlace {
  /** For people: a path, or the database without its password. */
  readonly name: string
  readonly signIns: OwnSignIns
  readonly memory: KeeperMemory
  /** Ends connections; a file has none. */
  close(): Promise<void>
}
