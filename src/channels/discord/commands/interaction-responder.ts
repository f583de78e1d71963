import type { Receiver } from '../../../conversation/receiver.ts'
import type { Accepted } from '../../../inbox/arrival.ts'
import { MINUTE, SECOND, sleep, type Clock } from '../../../support/clock.ts'
import { messageOf } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import { retryUntilStopped } from '../../kit/retry.ts'
import type { DiscordClient } from '../api/client.ts'
import { areRegistered, REGISTERED, type UsedCommand } from './slash-commands.ts'

const RETRY = { initialMs: SECOND, maxMs: 5 * MINUTE }
/** Discord wants a first answer within three seconds; what takes longer is announced as such before. */
const QUICK_MS = 1_500

/** Seen by the one person only. */
const EPHEMERAL = 1 << 6
const ANSWER = 4
const ANSWER_LATER = 5

export interface InteractionResponderOptions {
  readonly client: DiscordClient
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
}

/**
 * Native slash commands. A used one is handed over as the message that one would type; Discord is
 * answered with a line that only this person sees, as soon as the message is stored, and the reply comes
 * as an ordinary message through the outbox: it survives a restart, and the quarter of an hour in which
 * an interaction may be answered.
 */
export class InteractionResponder {
  readonly #options: InteractionResponderOptions

  constructor(options: InteractionResponderOptions) {
    this.#options = options
  }

  /** Shows the commands in Discord's menu, if it does not show them already. Never rejects. */
  async register(applicationId: string, signal: AbortSignal): Promise<void> {
    const { client, clock, log, random } = this.#options
    const show = async () => {
      if (!areRegistered(await client.commands(applicationId, signal)))
        await client.setCommands(applicationId, REGISTERED as never, signal)
    }
    // Only a convenience: typed commands work without the menu.
    const onFailure = (error: unknown) => log.debug({ channel: 'discord' }, messageOf(error))
    await retryUntilStopped(show, { clock, random, signal, backoff: RETRY, onFailure }).catch(() => {})
  }

  /** Stores a used command and answers the interaction. Never rejects. */
  async respond(
    used: UsedCommand,
    applicationId: string,
    receiver: Receiver,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, clock, log } = this.#options
    try {
      const stored = receiver.receive('discord', [used.item], []).then(
        ([accepted]) => outcome(used, accepted),
        (error: unknown) => {
          log.error({ channel: 'discord' }, `a command could not be taken in: ${messageOf(error)}`)
          return `I could not take in \`${used.name}\`. Please send it again.`
        },
      )
      const quick = new AbortController()
      const quickLimit = sleep(clock, QUICK_MS, quick.signal).catch(() => {})
      const soon = await Promise.race([stored, quickLimit.then(() => null)])
      quick.abort()
      if (soon !== null) {
        const data = { content: soon, flags: EPHEMERAL, allowed_mentions: { parse: [] } }
        return await client.answerInteraction(used.id, used.token, { type: ANSWER, data }, signal)
      }
      const later = { type: ANSWER_LATER, data: { flags: EPHEMERAL } }
      await client.answerInteraction(used.id, used.token, later, signal)
      const body = { content: await stored, allowed_mentions: { parse: [] } }
      await client.editAnswer(applicationId, used.token, body, signal)
    } catch (error) {
      // The command itself is carried out or refused all the same.
      if (!signal.aborted) log.debug({ channel: 'discord' }, messageOf(error))
    }
  }
}

/** What the person reads at once. */
function outcome(used: UsedCommand, accepted: Accepted | undefined): string {
  const taken = accepted && (accepted.conversationId !== null || accepted.messageId !== null)
  return taken ? `\`${used.name}\` ✓` : 'I may not take that from you here.'
}
