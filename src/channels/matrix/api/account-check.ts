import { messageOf } from '../../../support/errors.ts'
import { MatrixClient, type Account, type ClientOptions } from './client.ts'
import { MatrixFailure } from './failure.ts'

/** What can be said of a bot's account from outside, without receiving or sending anything. */
export type AccountCheck =
  | { readonly kind: 'fine'; readonly account: Account; readonly version: string | null }
  /** `words`: the homeserver's own. */
  | { readonly kind: 'bad-token'; readonly words: string }
  | { readonly kind: 'unreachable'; readonly words: string }
  /** Something answers there, but no homeserver. `where`: its own word on where that is; null = it has none. */
  | { readonly kind: 'elsewhere'; readonly where: string | null; readonly words: string }

/** Asks a homeserver about itself and about whom the token belongs to. Never rejects. */
export async function checkAccount(options: ClientOptions, signal: AbortSignal): Promise<AccountCheck> {
  const client = new MatrixClient(options)
  try {
    const versions = await client.versions(signal)
    const account = await client.whoami(signal)
    return { kind: 'fine', account, version: versions.at(-1) ?? null }
  } catch (error) {
    const words = signal.aborted ? 'no answer in time' : messageOf(error)
    const kind = error instanceof MatrixFailure ? error.kind : null
    if (kind === 'token' || kind === 'account') return { kind: 'bad-token', words }
    if (kind !== 'unknown-call' && kind !== 'gone') return { kind: 'unreachable', words }
    return { kind: 'elsewhere', where: await client.discover(signal).catch(() => null), words }
  }
}
