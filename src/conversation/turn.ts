import { fillText, type Texts } from '../config/texts.ts'
import type { Draft } from '../inbox/draft.ts'
import type { AnswerTurn } from '../inbox/dispatcher.ts'
import type { ConversationEvents } from '../inbox/events.ts'
import { latePreface } from '../inbox/hold-policy.ts'
import type { Inbox, Lease, TurnOutcome, Usage } from '../inbox/inbox.ts'
import { Interruption } from '../inbox/outcome.ts'
import { sentText } from '../inbox/sent-text.ts'
import type { Clock } from '../support/clock.ts'
import { ConfigurationError, Refused } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import { ContextBuilder, type TurnContext } from './context.ts'
import { writeSummary } from './history.ts'
import type { Model, ModelAnswer } from './model.ts'

export interface TurnOptions {
  readonly model: Model
  readonly inbox: Pick<Inbox, 'attachment'>
  readonly drafts: { open(lease: Lease): Draft }
  readonly events: ConversationEvents
  readonly texts: Texts
  readonly clock: Clock
  readonly log: Log
  readonly defaultModel: string
  readonly maxTokens: number
  /** The system prompt, read anew for each turn; null = none. */
  readonly system: () => Promise<string | null>
}

/** A turn: from the messages of a lease to the answer, shown while it is written. */
export function createTurn(options: TurnOptions): AnswerTurn {
  const { model, drafts, events, texts, clock, log, defaultModel, maxTokens, system } = options
  const contexts = new ContextBuilder(options)

  return async (lease, signal) => {
    const { conversation, messages, turnId } = lease
    const modelId = conversation.model ?? defaultModel
    const preface = latePreface(messages[0]!.at, clock.now(), texts)
    const draft = drafts.open(lease)
    let shown = ''

    const ask = (context: TurnContext): Promise<ModelAnswer> =>
      model.answer(
        { model: modelId, maxTokens, system: context.system, messages: context.messages },
        {
          signal,
          onText: (text) => {
            shown += text
            events.delta(conversation.id, text)
            draft.write(sentText(preface, shown))
          },
        },
      )

    events.begin(conversation.id, turnId)
    try {
      const context = await contexts.build(lease, modelId, await system(), signal)
      try {
        return outcomeOf(await ask(context), context, preface, texts)
      } catch (error) {
        // A picture of an earlier turn that is not taken any more must not cost this message its answer.
        if (!(error instanceof Refused) || !context.hasOldAttachments || shown !== '') throw error
        log.info({ conversation: conversation.id }, 'asking again without the pictures of earlier turns')
        const lean = withoutOldAttachments(context)
        return outcomeOf(await ask(lean), lean, preface, texts)
      }
    } catch (error) {
      if (signal.aborted && signal.reason instanceof Interruption) {
        if (signal.reason.kind === 'stopped') return { kind: 'stopped', text: shown }
        throw signal.reason
      }
      // One of them may be what cannot be taken; the others are not to suffer for it.
      if (error instanceof Refused && messages.length > 1) return { kind: 'returned', split: true }
      // A model chosen here that the provider does not know is this chat's to change, not the operator's.
      if (error instanceof ConfigurationError && conversation.model !== null) {
        const notice = fillText(texts, 'model_unknown', { choices: defaultModel })
        return { kind: 'refused', reason: 'model', notice }
      }
      throw error
    } finally {
      events.end(conversation.id)
      await draft.close()
    }
  }
}

function outcomeOf(
  answer: ModelAnswer,
  context: TurnContext,
  preface: string | null,
  texts: Texts,
): TurnOutcome {
  const { cost, summary } = context
  const text = answer.text.trim()
  if (answer.stopReason === 'refusal') return { kind: 'refused', reason: 'refusal', notice: texts.refused }
  if (text === '') return { kind: 'refused', reason: 'empty answer', notice: texts.refused }
  return {
    kind: 'answered',
    text: answer.stopReason === 'max_tokens' ? `${text}\n\n${texts.cut_short}` : text,
    preface,
    model: answer.model,
    usage: cost ? sum(answer.usage, cost.usage) : answer.usage,
    modelMs: answer.modelMs + (cost?.modelMs ?? 0),
    ...(summary === null ? {} : { summary: writeSummary(summary), summaryUpTo: summary.upTo }),
  }
}

function withoutOldAttachments(context: TurnContext): TurnContext {
  const last = context.messages.length - 1
  const messages = context.messages.map((message, index) =>
    index === last ? message : { ...message, text: message.text || '[attachment]', attachments: [] },
  )
  return { ...context, messages, hasOldAttachments: false }
}

function sum(a: Usage, b: Usage): Usage {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
    cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens,
  }
}
