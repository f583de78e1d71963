import { fillText, type Texts } from '../../config/texts.ts'
import { MINUTE, SECOND, sleep, type Clock } from '../../support/clock.ts'
import { messageOf, Refused, TransientError } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import { redact } from '../../support/text/redact.ts'
import type { Command } from '../commands.ts'
import { belongsToSignIn, mayHoldCode } from './belongs-to-sign-in.ts'
import { Dialogues, type Dialogue, type LoginFacts } from './dialogues.ts'
import type { Paste, SignInMessage, SignInReplies } from './pasted-secrets.ts'
import { readReply, type LoginStep, type Reply } from './read-reply.ts'

/** Sign-in from a chat. Each started one is bound to its owner and used once. */
export interface ChatSignIn {
  /** Is an API key in use, or was one rejected? Then a new key may be what is wanted. */
  usesKey(): boolean
  begin(owner: string): Promise<{ readonly url: string; readonly expiresAt: number }>
  /** `conflict`: it belongs to another account, and replaces the current one only by `confirm`. @throws Refused */
  finish(
    owner: string,
    paste: string,
  ): Promise<{ readonly account: string; readonly note?: string | null } | { readonly conflict: string }>
  /** Replaces the current account. @throws Refused */
  confirm(owner: string): Promise<{ readonly account: string; readonly note?: string | null }>
  /** Checks a key with the provider, and stores it. @throws Refused | TransientError: nothing was stored */
  useKey(key: string): Promise<{ readonly fingerprint: string; readonly note: string | null }>
  cancel(owner: string): void
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
  readonly facts: LoginFacts
  /** Platforms whose private chats may be used to sign in: never mail, webhooks or an API. */
  readonly channels: ReadonlySet<string>
  /** By the channel: is a sign-in open next to its chat, in a dialog of its own? A half of its code may land in the chat. */
  readonly openElsewhere: ReadonlyMap<string, () => boolean>
  readonly texts: Texts
  readonly clock: Clock
  readonly log: Log
}

/** A slower exchange is answered when it is done, so that the platform's other messages do not wait. */
const PATIENCE_MS = 3 * SECOND

/** Delays between attempts to delete a code, which must not stay readable because the platform was busy. */
const REMOVAL_WAITS_MS = [SECOND, 5 * SECOND, 30 * SECOND]

/** What may follow `/login`; anything else behind it is the reply or the paste. */
const WORDS: ReadonlySet<string> = new Set(['', 'replace', 'cancel'])

export interface ChatLogin extends SignInReplies {
  readonly command: Command
}

/**
 * `/login` in an operator's private chat, and what follows: which way where there are two, the terms, and
 * the address or the wait for a key. See `belongsToSignIn` for what is taken as part of it.
 */
export function createChatLogin(options: ChatLoginOptions): ChatLogin {
  const { signIn, line, channels, openElsewhere, texts, clock, log } = options
  const dialogues = new Dialogues(options.facts, clock)

  const ask = {
    choice: () =>
      fillText(texts, 'login_choose', {
        key: texts.login_word_key,
        subscription: texts.login_word_subscription,
      }),
    terms: () => fillText(texts, 'login_terms', { agree: texts.login_word_agree }),
    key: () => texts.login_ask_key,
    code: () => texts.login_waiting,
  } satisfies Record<LoginStep, () => string>

  const mayUse = ({ channel, chat, role }: Pick<SignInMessage, 'channel' | 'chat' | 'role'>): boolean =>
    role === 'operator' && chat.kind === 'private' && channels.has(channel)

  const command: Command = async ({ channel, address, person, chat, role, rest }) => {
    const reply = (text: string) => ({ effect: null, reply: text })
    if (!mayUse({ channel, chat, role })) return reply(texts.login_refused)
    const owner = ownerOf({ channel, chat, person })
    switch (rest.toLowerCase()) {
      case 'replace':
        return reply(await outcome(owner, () => accountDone(signIn.confirm(owner))))
      case 'cancel':
        signIn.cancel(owner)
        return reply((await dialogues.cancel(owner)) ? texts.login_cancelled : texts.login_none)
      default:
        signIn.cancel(owner)
        return reply(await next({ owner, channel, address }, signIn.usesKey() ? 'choice' : 'terms'))
    }
  }

  /** Goes to a step that only waits for words. @returns the question */
  async function next({ owner }: Place, step: Exclude<LoginStep, 'code'>): Promise<string> {
    await dialogues.set(owner, { step, url: null, expiresAt: dialogues.deadline() })
    return ask[step]()
  }

  const expects = async (message: SignInMessage): Promise<boolean> => {
    const { command: called, text } = message
    // The chat continues there, so only what looks like a half of a code is turned away.
    if (openElsewhere.get(message.channel)?.())
      return belongsToSignIn({ phase: 'over', isCommand: called !== null, text })
    if (!mayUse(message)) return false
    const isCommand = called !== null && !(called.name === 'login' && !WORDS.has(called.rest.toLowerCase()))
    return belongsToSignIn({ phase: await dialogues.phase(ownerOf(message)), isCommand, text })
  }

  const onPaste = async (paste: Paste): Promise<string | null> => {
    const { channel, address, platformMessageId } = paste
    const owner = ownerOf(paste)
    const phase = mayUse(paste) ? await dialogues.phase(owner) : 'none'
    const dialogue = dialogues.get(owner)
    if (phase !== 'open' || dialogue === null) {
      // From anybody, expected or not: a code must not stay readable.
      void remove(channel, address, platformMessageId)
      return phase === 'over' ? texts.login_over : null
    }
    const text = paste.text.replace(/^\s*\/login(@\w+)?\s+/i, '')
    const reply = readReply(dialogue.step, text, texts)
    // What are words beyond doubt stays: nobody has to type a question again.
    const isSecret = reply.kind === 'key' || mayHoldCode(text)
    const removal = isSecret ? remove(channel, address, platformMessageId) : null
    if (reply.kind === 'key' || reply.kind === 'code')
      void removal?.then((gone) => (gone ? null : send(channel, address, texts.login_delete_it)))
    const done = answer({ owner, channel, address }, dialogue, reply, text)
    const soon = await Promise.race([done, sleep(clock, PATIENCE_MS).then(() => null)])
    if (soon !== null) return soon
    void done
      .then((late) => send(channel, address, late))
      .catch((err: unknown) => log.error({ err }, 'a sign-in could not be continued'))
    return texts.login_checking
  }

  async function answer(place: Place, dialogue: Dialogue, reply: Reply, text: string): Promise<string> {
    const { owner } = place
    switch (reply.kind) {
      case 'key-wanted':
        return next(place, 'key')
      case 'subscription-wanted':
        return next(place, 'terms')
      case 'agreed':
        return sendAddress(place, dialogue)
      case 'key':
        return outcome(owner, () => keyDone(signIn.useKey(reply.key)))
      case 'code':
        return outcome(owner, () => accountDone(signIn.finish(owner, text)))
      case 'unclear':
        return `${texts.login_not_kept} ${ask[dialogue.step]()}`
    }
  }

  async function sendAddress({ owner, channel, address }: Place, { url: sent, ...last }: Dialogue) {
    const { url, expiresAt } =
      sent === null ? await signIn.begin(owner) : { url: sent, expiresAt: last.expiresAt }
    await dialogues.set(owner, { step: 'code', url, expiresAt })
    const minutes = Math.max(1, Math.round((expiresAt - clock.now()) / MINUTE))
    try {
      await line.send(channel, address, fillText(texts, 'login_start', { minutes, url }))
    } catch (error) {
      log.warn({ channel, problem: redact(messageOf(error)) }, 'the sign-in address could not be sent')
      return fillText(texts, 'login_failed', { reason: 'the address could not be sent.' })
    }
    return texts.login_waiting
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

  async function accountDone(work: ReturnType<ChatSignIn['finish']>): Promise<Finished> {
    const done = await work
    if ('conflict' in done)
      return { isOver: false, reply: fillText(texts, 'login_other_account', { reason: done.conflict }) }
    const { account, note } = done
    return { isOver: true, reply: withNote(fillText(texts, 'login_done', { account }), note) }
  }

  async function keyDone(work: ReturnType<ChatSignIn['useKey']>): Promise<Finished> {
    const { fingerprint, note } = await work
    return { isOver: true, reply: withNote(fillText(texts, 'login_key_done', { fingerprint }), note) }
  }

  /** The reply for the result of a sign-in; one that is stored ends the dialogue, a slip does not. */
  async function outcome(owner: string, work: () => Promise<Finished>): Promise<string> {
    try {
      const { isOver, reply } = await work()
      if (isOver) await dialogues.finish(owner)
      return reply
    } catch (error) {
      if (error instanceof Refused || error instanceof TransientError) {
        const text = dialogues.get(owner) === null ? 'login_failed' : 'login_slip'
        return fillText(texts, text, { reason: error.message })
      }
      log.error({ err: error }, 'a sign-in could not be stored')
      return fillText(texts, 'login_failed', { reason: 'It could not be stored here.' })
    }
  }

  return { command, expects, onPaste }
}

interface Place {
  readonly owner: string
  readonly channel: string
  readonly address: string
}

interface Finished {
  readonly isOver: boolean
  readonly reply: string
}

function withNote(sentence: string, note: string | null | undefined): string {
  return note ? `${sentence} ${note}` : sentence
}

/** A sign-in belongs to one person in one chat, threads of it included. */
function ownerOf({ channel, chat, person }: Pick<SignInMessage, 'channel' | 'chat' | 'person'>): string {
  return `${channel} ${chat.id} ${person.id}`
}
