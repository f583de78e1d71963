import { ANYTHING, NO_ANSWER, NO_ANSWER_OR_LARGE } from './odd-bodies.ts'
import type { Passing, Strike } from './odd-door.ts'
import type { OddValues } from './odd-values.ts'

/**
 * Which answers are odd, and how. Nothing that an honest message depends on is answered with a lie: a server
 * that says "there are no messages" or "it was sent" must be believed. What is no answer at all must not be.
 */

/** How an honest message begins; a request that holds it is known by this. */
export const HONEST = /honest \S+ \d+ number \d+\./

/** Between two odd answers to one kind of call: a client backs off after each, and honest messages wait for it. */
const GAP_MS = 15_000
/** The refreshes are rarer than that. */
const TOKEN_SHARE = 0.5
/** Odd turns whose answer is odd, and those of them that have none: they hold everybody for a moment. */
const ODD_TURN_SHARE = 0.7
const NO_ANSWER_SHARE = 0.08
/** Honest turns meet a broken line now and then, and are asked again. */
const HONEST_TURN_SHARE = 0.03

type StrikeOf = (passing: Passing) => Strike | null

/** What can be read, sent or looked up once more: no answer, whether or not it was done. */
export function chatStrikes(odd: OddValues, kindOf: (passing: Passing) => ChatCall): StrikeOf {
  const next = new Map<string, number>()
  return (passing) => {
    const { name, bears } = kindOf(passing)
    if (bears === 'unrepeatable') return null
    if (bears === 'file') return odd.chance(0.6) ? instead(odd, ANYTHING) : odd.chance(0.2) ? CUT : null
    const now = performance.now()
    const due = next.get(name) ?? now + GAP_MS * odd.random()
    next.set(name, due > now ? due : now + GAP_MS * (0.5 + odd.random()))
    if (due > now || odd.chance(0.5)) return null
    switch (bears) {
      case 'read':
        return instead(odd, NO_ANSWER_OR_LARGE)
      case 'repeatable':
        return { kind: odd.pick(['instead', 'after']), body: odd.pick(NO_ANSWER) }
      case 'nothing':
        return odd.chance(0.5)
          ? instead(odd, ANYTHING)
          : { kind: 'changed', change: (data) => odd.version(data) }
    }
  }
}

/** A call, and what depends on its answer. */
export interface ChatCall {
  readonly name: string
  /**
   * `read`: messages, which are read again. `repeatable`: a message that is sent again and recognised.
   * `unrepeatable`: one that is not. `file`: an attachment. `nothing`: no message.
   */
  readonly bears: 'read' | 'repeatable' | 'unrepeatable' | 'file' | 'nothing'
}

export function telegramCall({ path }: Passing): ChatCall {
  if (path.startsWith('/file/')) return { name: 'file', bears: 'file' }
  const name = path.split('/').at(-1)!
  if (name === 'sendMessage') return { name, bears: 'unrepeatable' }
  if (name === 'editMessageText') return { name, bears: 'repeatable' }
  return { name, bears: ['getFile', 'sendChatAction', 'setMyCommands'].includes(name) ? 'nothing' : 'read' }
}

export function discordCall({ method, path }: Passing): ChatCall {
  if (path.startsWith('/attachments/')) return { name: 'file', bears: 'file' }
  const name = `${method} ${path.replaceAll(/\d{5,}/g, 'ID').replace(/\?.*/, '')}`
  if (/typing|commands/.test(name)) return { name, bears: 'nothing' }
  return { name, bears: /^(POST|PATCH)/.test(name) ? 'repeatable' : 'read' }
}

export function slackCall({ path }: Passing): ChatCall {
  if (path.startsWith('/files/')) return { name: 'file', bears: 'file' }
  const name = path.replace('/api/', '')
  return { name, bears: name.startsWith('chat.') ? 'repeatable' : 'read' }
}

export function matrixCall({ method, path }: Passing): ChatCall {
  if (path.includes('/media/')) return { name: 'file', bears: 'file' }
  const name = `${method} ${path.replace('/_matrix/client/v3', '').split(/[/?]/)[1]} ${/send|typing/.exec(path)?.[0] ?? ''}`
  if (path.includes('/typing/')) return { name, bears: 'nothing' }
  if (method === 'GET') return { name, bears: 'read' }
  return { name, bears: path.includes('/send/') ? 'repeatable' : 'unrepeatable' }
}

/** The provider: the model's answers, its list of models, and the token endpoint. */
export function providerStrikes(odd: OddValues): StrikeOf {
  /** An honest question is not unlucky twice. */
  const struck = new Set<string>()
  return ({ path, body }) => {
    if (path.includes('/oauth/token')) return odd.chance(TOKEN_SHARE) ? tokenStrike(odd) : null
    if (!path.includes('/messages')) return odd.chance(0.5) ? instead(odd, ANYTHING) : null
    const honest = lastHonest(body)
    if (honest !== null) {
      if (struck.has(honest) || !odd.chance(HONEST_TURN_SHARE)) return null
      struck.add(honest)
      return odd.chance(0.5) ? CUT : instead(odd, NO_ANSWER)
    }
    if (!odd.chance(ODD_TURN_SHARE)) return null
    if (odd.chance(NO_ANSWER_SHARE)) return odd.chance(0.2) ? CUT : instead(odd, ANYTHING)
    return { kind: 'changed', change: (data) => odd.version(data) }
  }
}

/** The honest message that a request to the model asks about; null: it asks about another. */
function lastHonest(body: string): string | null {
  try {
    const { messages } = JSON.parse(body) as { messages: Array<{ content: unknown }> }
    return HONEST.exec(JSON.stringify(messages.at(-1)?.content))?.[0] ?? null
  } catch {
    return null
  }
}

/** A pair that was issued and never arrives has ended the sign-in: nothing may be done without saying so. */
function tokenStrike(odd: OddValues): Strike {
  if (odd.chance(0.5)) return instead(odd, NO_ANSWER_OR_LARGE)
  const change = (data: unknown) => {
    const answer = data as Record<string, unknown>
    const { expires_in, token_type } = answer
    return {
      ...answer,
      ...(odd.version({ expires_in, token_type }) as object),
      ...(odd.chance(0.3) ? { error: null } : {}),
      [odd.pick(['note', 'id', 'text'])]: odd.value(),
    }
  }
  return { kind: 'changed', change }
}

const CUT: Strike = { kind: 'cut' }

function instead(odd: OddValues, bodies: typeof ANYTHING): Strike {
  return { kind: 'instead', body: odd.pick(bodies) }
}
