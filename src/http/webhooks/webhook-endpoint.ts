import type { WebhookConfig } from '../../config/config.ts'
import { PersonRate } from '../../conversation/access/access.ts'
import { HOOK_PERSON, type Receiver } from '../../conversation/receiver.ts'
import type { Accepted } from '../../inbox/arrival.ts'
import { ownId } from '../../inbox/delivery/send-channel.ts'
import { MINUTE, SECOND } from '../../support/clock.ts'
import { looksLikeSignInPaste } from '../../support/text/token-shape.ts'
import { HttpProblem, json, notFound, type RequestContext } from '../answers.ts'
import { MAX_TEXT_BYTES, readBody } from '../body.ts'
import type { Endpoint } from '../routes.ts'
import { promptOf, textsIn } from './prompt.ts'
import { isSigned, readSignedHeaders } from './signature.ts'

/** Deliveries a minute from one sender, with a burst of three minutes' worth: more than a chat can follow. */
const PER_MINUTE = 20
/** Attempts of one delivery that found the hold full; senders give up long before. */
const MAX_ATTEMPTS = 50

export interface WebhookServices {
  readonly hooks: readonly WebhookConfig[]
  readonly receiver: Receiver
  /** Is this channel open, so that an answer can be delivered there? */
  readonly isOpen: (channel: string) => boolean
}

/**
 * The webhook endpoint: a signed POST becomes a message in a chat, answered there in order with
 * everything else. Its content is data: never a command, never a sign-in.
 *
 * @see https://www.standardwebhooks.com
 */
export function webhookEndpoint(services: WebhookServices): Endpoint {
  return ({ routes, clock }) => {
    const byName = new Map(services.hooks.map((hook) => [hook.name, hook]))
    const rate = new PersonRate(PER_MINUTE)
    if (byName.size > 0) {
      routes.open('POST', '/hooks/:name', async (c) => {
        const hook = byName.get(c.req.param('name') ?? '')
        if (!hook) throw notFound()
        const { id, body } = await verified(c, hook, clock.now())
        if (!services.isOpen(hook.deliverTo.channel)) throw closed()
        if (rate.consume(hook.name, clock.monotonic()) !== 'pass') throw tooMany()
        const accepted = await accept(services.receiver, hook, id, messageText(hook, body))
        if (accepted.holdFull) throw holdFull()
        return json<Pick<Accepted, 'state'> & { readonly id: string | null }>(202, {
          id: accepted.messageId,
          state: accepted.state,
        })
      })
    }
    return { close() {} }
  }
}

/**
 * The body of a delivery that was signed with the hook's secret, and its id. Without the headers
 * the body is not read, and it is not parsed before it is verified.
 *
 * @throws HttpProblem 401 | 413
 */
async function verified(
  c: RequestContext,
  hook: WebhookConfig,
  now: number,
): Promise<{ readonly id: string; readonly body: string }> {
  const headers = readSignedHeaders((name) => c.req.header(name), now)
  if (!headers) throw unsigned()
  const body = await readBody(c, MAX_TEXT_BYTES)
  if (!isSigned(body, headers, hook.secret)) throw unsigned()
  return { id: headers.id, body: body.toString('utf8') }
}

/** @throws HttpProblem 400 | 413 */
function messageText(hook: WebhookConfig, body: string): string {
  if (textsIn(body).some(looksLikeSignInPaste))
    throw new HttpProblem(
      400,
      'secret',
      'This contains something that looks like a sign-in, and was not stored.',
    )
  const text = promptOf(hook.prompt, hook.name, body)
  if (text.trim() === '') throw new HttpProblem(400, 'bad-request', 'This is empty.')
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES)
    throw new HttpProblem(413, 'too-large', `A message is at most ${MAX_TEXT_BYTES} bytes long.`)
  return text
}

/** The inbox knows every id it has seen, for as long as messages are kept: a replay gets the first result. */
async function accept(receiver: Receiver, hook: WebhookConfig, id: string, text: string): Promise<Accepted> {
  const { channel, address } = hook.deliverTo
  for (let attempt = 1; ; attempt++) {
    const [accepted] = await receiver.receive(
      channel,
      [
        {
          kind: 'message',
          address,
          platformMessageId: ownId(`hook/${hook.name}/${id}${attempt === 1 ? '' : `/${attempt}`}`),
          person: { id: `${HOOK_PERSON}${hook.name}`, name: hook.name },
          chat: { id: address, kind: 'private', addressed: true },
          text,
          attachments: [],
          unsupported: null,
          forwarded: true,
          vouched: true,
        },
      ],
      [],
    )
    // A delivery refused by a full hold was not stored: the sender's next attempt is a new one.
    if (accepted!.duplicate && accepted!.holdFull && attempt < MAX_ATTEMPTS) continue
    return accepted!
  }
}

/** The same error for every failure, so that a stranger learns nothing. */
function unsigned(): HttpProblem {
  return new HttpProblem(
    401,
    'signature',
    'A signature after Standard Webhooks is needed, made less than five minutes ago.',
    { Connection: 'close' },
  )
}

function closed(): HttpProblem {
  return new HttpProblem(
    503,
    'channel-closed',
    'The chat for the answer cannot be reached: its channel is not open.',
    {
      'Retry-After': String(MINUTE / SECOND),
    },
  )
}

function tooMany(): HttpProblem {
  return new HttpProblem(429, 'rate', `At most ${PER_MINUTE} deliveries a minute are taken.`, {
    'Retry-After': String(MINUTE / SECOND),
  })
}

function holdFull(): HttpProblem {
  return new HttpProblem(429, 'hold-full', 'No more messages can be saved for this chat right now.', {
    'Retry-After': String(MINUTE / SECOND),
  })
}
