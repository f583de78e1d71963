import type { BotCommand } from 'grammy/types'
import { COMMAND_LIST } from '../../../conversation/commands.ts'
import { sleep, type Clock, MINUTE, SECOND } from '../../../support/clock.ts'
import { messageOf } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import type { Secret } from '../../../support/secret.ts'
import { retryUntilStopped } from '../../kit/retry.ts'
import type { BotIdentity } from '../intake/addressed.ts'
import type { TelegramClient } from './client.ts'

const RETRY = { initialMs: SECOND, maxMs: 5 * MINUTE }
/** A message in a group waits this long for the bot's name; then only replies to the bot count as meant for it. */
const PATIENCE_MS = 3 * SECOND

/** Everybody sees the menu, and /login is for operators. */
const MENU: readonly BotCommand[] = COMMAND_LIST.filter(({ name }) => name !== 'login').map(
  ({ name, description }) => ({ command: name, description }),
)

export interface IdentityOptions {
  readonly client: TelegramClient
  readonly token: Secret
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
}

/** Learns who the bot is while receiving continues: private chats never wait for it. */
export class Identity {
  readonly #options: IdentityOptions
  readonly #known = Promise.withResolvers<void>()
  #bot: BotIdentity

  constructor(options: IdentityOptions) {
    this.#options = options
    // A token begins with the bot's id.
    this.#bot = { id: Number.parseInt(options.token.reveal(), 10), username: null }
  }

  get bot(): BotIdentity {
    return this.#bot
  }

  /** Retries until the platform answers, then sets the commands in its menu. Never rejects. */
  async load(signal: AbortSignal): Promise<void> {
    const { client, clock, log, random } = this.#options
    const onFailure = (error: unknown) => log.debug({ channel: 'telegram' }, messageOf(error))
    try {
      const retrying = { clock, random, signal, backoff: RETRY, onFailure }
      const { id, username } = await retryUntilStopped(() => client.getMe(signal), retrying)
      this.#bot = { id, username: username ?? null }
      this.#known.resolve()
      // Only a convenience: without the menu the commands work as well.
      await client.setMyCommands(MENU, signal)
    } catch (error) {
      if (!signal.aborted) onFailure(error)
    }
  }

  /** Resolves once the name is known, or when waiting longer would hold up the chat. */
  async known(signal: AbortSignal): Promise<void> {
    if (this.#bot.username !== null) return
    const limit = new AbortController()
    const both = AbortSignal.any([signal, limit.signal])
    await Promise.race([this.#known.promise, sleep(this.#options.clock, PATIENCE_MS, both).catch(() => {})])
    limit.abort()
  }
}
