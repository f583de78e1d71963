import type { ModelConfig } from '../../config/config.ts'
import type { EarlierTurn, MessageContext } from '../../inbox/arrival.ts'
import type { Inbox } from '../../inbox/inbox.ts'
import type { AttachmentInfo, StoredMessage } from '../../inbox/message.ts'
import type { ModelMessage } from '../model.ts'
import { alternating } from './alternating.ts'
import { cacheTtl } from './cache-ttl.ts'
import type { TurnContext } from './context.ts'
import { AttachmentLoader, withNames } from './turn-files.ts'

/** The API rejects a conversation that starts with an assistant message. */
const OPENING = '(You speak first.)'

/**
 * The context of a message whose sender keeps the conversation: its messages, verbatim and
 * complete. Too long a one is refused by the provider; nothing is left out here.
 *
 * @param system the gateway's system prompt, for senders that send none
 * @param cache `model.cache` of the configuration
 */
export async function broughtContext(
  inbox: Pick<Inbox, 'attachment'>,
  message: StoredMessage,
  context: MessageContext,
  system: string | null,
  cache: ModelConfig['cache'],
): Promise<TurnContext> {
  const named = new Set(context.turns.flatMap((turn) => turn.attachments))
  const loader = new AttachmentLoader(inbox)
  const own = await loader.load(message.attachments.filter((_, index) => !named.has(index)))
  const earlier: ModelMessage[] = []
  for (const turn of context.turns) earlier.push(await earlierMessage(turn, message.attachments, loader))
  const opening: ModelMessage[] =
    earlier[0]?.role === 'assistant' ? [{ role: 'user', text: OPENING, attachments: [] }] : []
  // The times of its turns are not known.
  const ttl = cacheTtl(cache, [], [])
  return {
    system: context.system ?? system,
    // A single question may be all that there is to come: most programs ask about one thing and keep nothing.
    cache: ttl === null ? null : { ttl, scope: earlier.length > 0 ? 'conversation' : 'system' },
    messages: alternating([
      ...opening,
      ...earlier,
      { role: 'user', text: withNames(message.text, own), attachments: own.attachments },
    ]),
    record: null,
    epoch: null,
    stored: {},
    began: null,
    cost: null,
    history: null,
    isCompacted: false,
    hasOldAttachments: earlier.some(({ attachments }) => attachments.length > 0),
    // Its sender decides what is left out.
    hasHistory: false,
  }
}

async function earlierMessage(
  { role, text, attachments }: EarlierTurn,
  all: readonly AttachmentInfo[],
  loader: AttachmentLoader,
): Promise<ModelMessage> {
  const files = await loader.load(attachments.flatMap((index) => all[index] ?? []))
  return { role, text: withNames(text, files), attachments: files.attachments }
}
