import { fillText, type TextKey, type Texts } from '../config/texts.ts'
import { CUT_SHORT } from '../inbox/arrival.ts'
import type { Draft } from '../inbox/delivery/drafts.ts'
import type { AnswerTurn } from '../inbox/dispatch/dispatcher.ts'
import { Interruption } from '../inbox/dispatch/outcome.ts'
import type { ConversationEvents } from '../inbox/fleet/conversation-events.ts'
import { latePreface, withPreface } from '../inbox/gate/hold-policy.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { Lease, TurnOutcome, Usage } from '../inbox/lease.ts'
import type { Clock } from '../support/clock.ts'
import { ConfigurationError } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import { openFence } from '../support/text/fence.ts'
import { broughtContext } from './brought-context.ts'
import { ContextBuilder, type TurnContext } from './context.ts'
import { writeSummary } from './history.ts'
import { ModelRefusal, type Model, type ModelAnswer, type RefusalReason } from './model.ts'

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
  /** The system prompt, read again for each turn; null = none. */
  readonly system: () => Promise<string | null>
}

/** A turn: from the messages of a lease to the answer, streamed into its draft. */
export function createTurn(options: TurnOptions): AnswerTurn {
  const { model, drafts, events, texts, clock, log, defaultModel, maxTokens, system } = options
  const contexts = new ContextBuilder(options)

  return async (lease, signal) => {
    const { conversation, messages, turnId, context: brought } = lease
    const chosenModel = brought?.model ?? conversation.model
    const modelId = chosenModel ?? defaultModel
    const answerTokens = Math.min(brought?.maxTokens ?? maxTokens, maxTokens)
    const preface = latePreface(messages[0]!.at, clock.now(), texts)
    const draft = drafts.open(lease)
    let shown = ''

    const ask = (context: TurnContext): Promise<ModelAnswer> =>
      model.answer(
        {
          model: modelId,
          maxTokens: answerTokens,
          system: context.system,
          messages: context.messages,
          ...(brought ? { stop: brought.stop } : {}),
        },
        {
          signal,
          onText: (text) => {
            shown += text
            events.delta(conversation.id, text)
            draft.write(withPreface(preface, shown))
          },
        },
      )

    events.begin(conversation.id, turnId)
    try {
      const context = brought
        ? await broughtContext(options.inbox, messages[0]!, brought, await system())
        : await contexts.build(lease, modelId, await system(), signal)
      const outcomeOf = (answer: ModelAnswer) =>
        brought ? literalOutcome(answer, texts) : chatOutcome(answer, context, preface, texts)
      try {
        return outcomeOf(await ask(context))
      } catch (error) {
        // A picture of an earlier turn that is now rejected must not fail this message.
        if (!(error instanceof ModelRefusal) || !context.hasOldAttachments || shown !== '') throw error
        log.info({ conversation: conversation.id }, 'asking again without the pictures of earlier turns')
        return outcomeOf(await ask(withoutOldAttachments(context)))
      }
    } catch (error) {
      if (signal.aborted && signal.reason instanceof Interruption) {
        if (signal.reason.kind === 'stopped') return { kind: 'stopped', text: shown }
        throw signal.reason
      }
      if (error instanceof ModelRefusal) {
        // One of the merged messages may be at fault: answer each separately.
        return messages.length > 1 ? { kind: 'returned', split: true } : refused(error.reason, texts)
      }
      // An unknown model chosen in this chat is for this chat to change, not the operator.
      if (error instanceof ConfigurationError && chosenModel !== null) {
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

type NoAnswer = RefusalReason | 'model-refusal' | 'empty-answer' | 'no-room'

/** The stored outcome of a message without an answer, and the sentence for its sender. */
const REFUSALS: Readonly<Record<NoAnswer, { readonly reason: string; readonly text: TextKey }>> = {
  'too-large': { reason: 'refused', text: 'refused_too_large' },
  'not-accepted': { reason: 'refused', text: 'refused' },
  'model-refusal': { reason: 'refusal', text: 'refused' },
  'empty-answer': { reason: 'empty answer', text: 'refused' },
  'no-room': { reason: 'no room to answer', text: 'refused_too_long' },
}

function refused(why: NoAnswer, texts: Texts): TurnOutcome {
  const { reason, text } = REFUSALS[why]
  return { kind: 'refused', reason, notice: texts[text] }
}

/** For a program that keeps the conversation itself: the model's text without ours. */
function literalOutcome(answer: ModelAnswer, texts: Texts): TurnOutcome {
  const { text, model, usage, modelMs, stopReason } = answer
  if (stopReason === 'refusal') return refused('model-refusal', texts)
  const cut = stopReason === 'max_tokens' ? { reason: CUT_SHORT } : {}
  return { kind: 'answered', text, preface: null, model, usage, modelMs, ...cut }
}

function chatOutcome(
  answer: ModelAnswer,
  context: TurnContext,
  preface: string | null,
  texts: Texts,
): TurnOutcome {
  const { cost, summary } = context
  const text = answer.text.trim()
  if (answer.stopReason === 'refusal') return refused('model-refusal', texts)
  const cut = answer.stopReason === 'max_tokens'
  // All of its length went into what nobody sees; to put the question differently is no help.
  if (text === '') return refused(cut ? 'no-room' : 'empty-answer', texts)
  return {
    kind: 'answered',
    text: cut ? `${withoutOpenCode(text)}\n\n${texts.cut_short}` : text,
    preface,
    model: answer.model,
    usage: cost ? sum(answer.usage, cost.usage) : answer.usage,
    modelMs: answer.modelMs + (cost?.modelMs ?? 0),
    ...(summary === null ? {} : { summary: writeSummary(summary), summaryUpTo: summary.upTo }),
  }
}

/** What is added to an answer that was cut in a code block must not stand in it. */
function withoutOpenCode(text: string): string {
  const fence = openFence(text)
  return fence === null ? text : `${text}\n${fence.closing}`
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
