import { keyCheck } from '../anthropic/prove-key.ts'
import { LOGIN_CHANNELS } from '../channels/channel.ts'
import type { speakers } from '../channels/fleet/fleet-channels.ts'
import { chatSignIn } from '../channels/kit/chat-sign-in.ts'
import { createChatLogin, type DirectLine } from '../conversation/login/chat-login.ts'
import type { LoginFacts } from '../conversation/login/dialogues.ts'
import { createKeySignIn } from '../credentials/key-sign-in.ts'
import { LoginSessions } from '../credentials/login.ts'
import { SECOND, type Clock } from '../support/clock.ts'
import { newId } from '../support/ids.ts'
import type { Runtime } from './runtime.ts'

/** Direct messages are short-lived. */
const DIRECT_LINE_MS = 10 * SECOND

/** How the owners of sign-ins from the page begin; see `Principal.client`. */
const PAGE_OWNER = 'session:'

/** Sends a direct message, not through the outbox; by the channel's name. */
export type Speakers = ReturnType<typeof speakers>

/** Sign-in from a chat: the sessions and the check of keys, which the page uses as well, and `/login`. */
export function openChatLogin(
  { settings, credentials, clock, log }: Runtime,
  byName: Speakers,
  facts: LoginFacts,
) {
  const { gateway, auth, model } = settings.config
  const { endpoint, own, resolver, keeper } = credentials
  const logins = new LoginSessions({ settings: auth.oauth, endpoint, store: own, clock })
  const keys = keyCheck({ baseUrl: model.baseUrl, userAgent: auth.oauth.userAgent })
  const keySignIn = createKeySignIn({ own, resolver, keys })
  const login = createChatLogin({
    signIn: chatSignIn({ logins, keySignIn, usesKey: () => keeper.snapshot().kind === 'api-key' }),
    line: directLine(byName, clock),
    facts,
    channels: LOGIN_CHANNELS,
    openElsewhere: new Map([['web', () => logins.waitsForAny(PAGE_OWNER)]]),
    texts: gateway.texts,
    clock,
    log,
  })
  return { logins, keySignIn, command: login.command, signIn: login }
}

function directLine(byName: Speakers, clock: Clock): DirectLine {
  return {
    async send(channel, address, text) {
      const signal = AbortSignal.timeout(DIRECT_LINE_MS)
      await byName.get(channel)?.send(address, text, { replyTo: null, key: newId(clock.now()), signal })
    },
    async remove(channel, address, id) {
      return (await byName.get(channel)?.remove?.(address, id)) ?? true
    },
  }
}
