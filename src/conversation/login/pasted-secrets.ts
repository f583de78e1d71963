import type { Texts } from '../../config/texts.ts'
import type { Clock } from '../../support/clock.ts'
import type { Log } from '../../support/log.ts'
import { holdsSignInSecret } from '../../support/text/token-shape.ts'
import type { Access, AccessPolicy, PersonRate } from '../access/access.ts'
import type { Request } from '../commands.ts'
import type { Chat, Person } from '../receiver.ts'

/** What may belong to a sign-in. */
export interface SignInMessage {
  readonly channel: string
  readonly person: Person
  readonly chat: Chat
  readonly role: 'user' | 'operator' | null
  readonly text: string
  /** Set where the message is a command and nothing else. */
  readonly command: Request['command']
}

/** A pasted sign-in, or a reply within one: never stored, so it must be used at once. */
export interface Paste extends Omit<SignInMessage, 'command'> {
  readonly address: string
  readonly platformMessageId: string
}

/** The sign-in that may be open in a chat. */
export interface SignInReplies {
  /** Does the message belong to a sign-in? Then it goes to `onPaste`, and is never stored. */
  readonly expects: (message: SignInMessage) => Promise<boolean>
  /** Uses what belongs to a sign-in, or is shaped like it. @returns the reply; null = no sign-in is open, so the plain hint is sent */
  readonly onPaste: (paste: Paste) => Promise<string | null>
}

export interface PastedSecretsOptions {
  readonly signIn?: SignInReplies
  readonly access: AccessPolicy
  readonly rate: PersonRate
  readonly texts: Texts
  readonly clock: Clock
  readonly log: Log
}

type Written = Omit<Paste, 'channel' | 'role'>

/** Uses what is never stored: replies within a sign-in, and whatever is shaped like its secrets. */
export class PastedSecrets {
  readonly #options: PastedSecretsOptions

  constructor(options: PastedSecretsOptions) {
    this.#options = options
  }

  /** @returns the reply; null: none */
  async use(channel: string, item: Written, access: Access): Promise<string | null> {
    const { signIn, texts, rate, clock, log } = this.#options
    const { address, platformMessageId, person, chat, text } = item
    const sender = `${channel}:${person.id}`
    const known = chat.addressed || this.#options.access.operators.has(sender)
    // In a group, messages between people are dropped only where they certainly hold a secret.
    if (!known && !holdsSignInSecret(text)) return null
    const role = access.kind === 'granted' ? access.role : null
    let reply: string | null = null
    try {
      reply =
        (await signIn?.onPaste({ channel, address, platformMessageId, person, chat, role, text })) ?? null
    } catch (error) {
      log.error({ err: error }, 'a pasted sign-in could not be used')
    }
    // In a group the bot replies only when addressed.
    const silent = !chat.addressed || rate.consume(sender, clock.monotonic()) !== 'pass'
    return silent ? null : (reply ?? texts.secret_pasted)
  }
}
