import { fillText, type Texts } from '../config/texts.ts'
import { MINUTE, SECOND, sleep, type Clock } from '../support/clock.ts'
import { messageOf, Refused } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import { redact } from '../support/text/redact.ts'
import type { Command } from './commands.ts'
import type { Paste } from './message-receiver.ts'

/** Sign-in from a chat. Each started one is bound to its owner and used once. */
export interface ChatSignIn {
  begin(owner: string): Promise<{ readonly url: string; readonly expiresAt: number }>
  waits(owner: string): boolean
  /** `conflict`: it belongs to another account, and replaces the current one only by `confirm`. @throws Refused */
  finish(owner: string, paste: string): Promise<{ readonly account: string } | { readonly conflict: string }>
  /** Replaces the current account. @throws Refused */
  confirm(owner: string): Promise<{ readonly account: string }>
}

/** Sends directly, not through the outbox: its messages must not be stored. */
export interface DirectLine {
  send(channel: string, address: string, text: string): Promise<void>
  /** Removes a message where the platform can. @returns whether it is gone; `never`: no bot can remove it there */
  remove(channel: string, address: string, platformMessageId: string): Promise<boolean | 'never'>
}

export interface ChatLoginOptions {
  readonly signIn: ChatSignIn
  readonly line: DirectLine
  /** Platforms whose private chats may be used to sign in: never mail, webhooks or an API. */
  readonly channels: ReadonlySet<string>
  readonly texts: Texts
  readonly clock: Clock
  readonly log: Log
}

/** A slower exchange is answered when it is done, so that the platform's other messages do not wait. */
const PATIENCE_MS = 3 * SECOND

/** Delays between attempts to delete a code, which must not stay readable because the platform was busy. */
const REMOVAL_WAITS_MS = [SECOND, 5 * SECOND, 30 * SECOND]

/** `/login` in an operator's private chat, and the handling of the paste that follows. */
export function createChatLogin(options: ChatLoginOptions): {
  readonly command: Command
  readonly onPaste: (paste: Paste) => Promise<string | null>
} {
  const { signIn, line, channels, texts, clock, log } = options

  const command: Command = async ({ channel, address, person, chat, role, rest, now }) => {
    if (role !== 'operator' || chat.kind !== 'private' || !channels.has(channel)) {
      return { effect: null, reply: texts.login_refused }
    }
    const owner = ownerOf(channel, address, person.id)
    if (rest.toLowerCase() === 'replace')
      return { effect: null, reply: await outcome(() => signIn.confirm(owner)) }
    const { url, expiresAt } = await signIn.begin(owner)
    const minutes = Math.round((expiresAt - now) / MINUTE)
    try {
      await line.send(channel, address, fillText(texts, 'login_start', { minutes, url }))
    } catch (error) {
      log.warn({ channel, problem: redact(messageOf(error)) }, 'the sign-in address could not be sent')
      return {
        effect: null,
        reply: fillText(texts, 'login_failed', { reason: 'the address could not be sent.' }),
      }
    }
    return { effect: null, reply: texts.login_waiting }
  }

  const onPaste = async (paste: Paste): Promise<string | null> => {
    const { channel, address, platformMessageId, person, chat, role, text } = paste
    // From anybody, expected or not: a code must not stay readable.
    const removal = remove(channel, address, platformMessageId)
    const owner = ownerOf(channel, address, person.id)
    if (role !== 'operator' || chat.kind !== 'private' || !signIn.waits(owner)) return null
    void removal.then((gone) => (gone ? null : send(channel, address, texts.login_delete_it)))
    const done = outcome(() => signIn.finish(owner, text.replace(/^\s*\/login(@\w+)?\s+/i, '')))
    const soon = await Promise.race([done, sleep(clock, PATIENCE_MS).then(() => null)])
    if (soon !== null) return soon
    void done.then((reply) => send(channel, address, reply))
    return texts.login_checking
  }

  /** @returns whether it is gone */
  async function remove(...message: Parameters<DirectLine['remove']>): Promise<boolean> {
    for (const waitMs of [0, ...REMOVAL_WAITS_MS]) {
      if (waitMs > 0) await sleep(clock, waitMs)
      const gone = await line.remove(...message).catch(() => false)
      if (gone !== false) return gone === true
    }
    return false
  }

  async function send(channel: string, address: string, text: string): Promise<void> {
    await line
      .send(channel, address, text)
      .catch((error: unknown) =>
        log.warn({ channel, problem: redact(messageOf(error)) }, 'a reply could not be sent'),
      )
  }

  /** The reply for the result of a sign-in. */
  async function outcome(work: () => ReturnType<ChatSignIn['finish']>): Promise<string> {
    try {
      const done = await work()
      if ('conflict' in done) return fillText(texts, 'login_other_account', { reason: done.conflict })
      return fillText(texts, 'login_done', done)
    } catch (error) {
      if (error instanceof Refused) return fillText(texts, 'login_failed', { reason: error.message })
      log.error({ err: error }, 'a sign-in could not be stored')
      return fillText(texts, 'login_failed', { reason: 'It could not be stored here.' })
    }
  }

  return { command, onPaste }
}

/** A sign-in belongs to one person in one chat. */
function ownerOf(channel: string, address: string, personId: string): string {
  return `${channel} ${address} ${personId}`
}
