import type { ModelConfig } from '../config/config.ts'
import { fillText, type TextKey, type Texts } from '../config/texts.ts'
import { CUT_SHORT } from '../inbox/arrival.ts'
import type { Draft } from '../inbox/delivery/drafts.ts'
import type { AnswerTurn } from '../inbox/dispatch/dispatcher.ts'
import { Interruption } from '../inbox/dispatch/outcome.ts'
import type { MessageObserver } from '../inbox/figures/observer.ts'
import type { ConversationEvents } from '../inbox/fleet/conversation-events.ts'
import { latePreface, withPreface } from '../inbox/gate/gate.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { Lease, TurnOutcome, Usage } from '../inbox/lease.ts'
import type { Clock } from '../support/clock.ts'
import { ConfigurationError } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import { openFence } from '../support/text/fence.ts'
import { isBlank } from '../support/text/printable.ts'
import { broughtContext } from './brought-context.ts'
import { ContextBuilder, type TurnContext } from './context.ts'
import { writeSummary } from './history.ts'
import type { ModelSettings } from './model-settings.ts'
import { ModelRefusal, type Model, type ModelAnswer, type RefusalReason, type StopReason } from './model.ts'

/** Half of it certainly fits, and leaves room for a long answer. */
const SMALLER_CONTEXT_SHARE = 0.5

export interface TurnOptions {
  readonly model: Model
  readonly inbox: Pick<Inbox, 'attachment'>
  readonly drafts: { open(lease: Lease): Draft }
  readonly events: ConversationEvents
  readonly texts: Texts
  readonly clock: Clock
  readonly log: Log
  readonly settings: ModelSettings
  /** `model.cache` of the configuration. */
  readonly cache: ModelConfig['cache']
  readonly observer: MessageObserver
  /** The system prompt, read again for each turn; null = none. */
  readonly system: () => Promise<string | null>
}

/** A turn: from the messages of a lease to the answer, streamed into its draft. */
export function createTurn(options: TurnOptions): AnswerTurn {
  const { model, drafts, events, texts, clock, log, settings } = options
  const contexts = new ContextBuilder(options)

  return async (lease, signal) => {
    const { conversation, messages, turnId, context: brought } = lease
    const terms = settings.forTurn(conversation, brought?.model ?? null)
    const answerTokens = Math.min(brought?.maxTokens ?? terms.maxTokens, terms.maxTokens)
    const preface = latePreface(messages[0]!.at, clock.now(), texts)
    const draft = drafts.open(lease)
    let shown = ''

    const system = async (): Promise<string | null> => {
      const parts = [await options.system(), settings.systemPrompt(conversation)]
      return parts.filter((part) => part !== null).join('\n\n') || null
    }

    const ask = (context: TurnContext): Promise<ModelAnswer> =>
      model.answer(
        {
          conversation: conversation.id,
          model: terms.model,
          maxTokens: answerTokens,
          effort: terms.effort,
          system: context.system,
          chatSystem: context.chatSystem,
          messages: context.messages,
          cache: context.cache,
          ...(brought ? { stop: brought.stop } : {}),
        },
        {
          signal,
          onText: (text) => {
            shown += text
            events.delta(conversation.id, text)
            draft.write(withPreface(preface, shown))
          },
          onRestart: () => {
            shown = ''
            events.begin(conversation.id, turnId)
          },
        },
      )

    events.begin(conversation.id, turnId)
    try {
      const context = brought
        ? await broughtContext(options.inbox, messages[0]!, brought, await system(), options.cache)
        : await contexts.build(lease, terms, await system(), signal)
      const outcomeOf = (answer: ModelAnswer, sent: TurnContext) =>
        brought ? literalOutcome(answer, texts) : chatOutcome(answer, sent, preface, texts)
      try {
        const answer = await ask(context)
        if (answer.stopReason !== 'context_full' || !context.hasHistory) return outcomeOf(answer, context)
        // The estimate of its length was too low. What was written is replaced.
        log.info({ conversation: conversation.id }, 'asking again with less of the conversation')
        const contextTokens = Math.floor(terms.contextTokens * SMALLER_CONTEXT_SHARE)
        const smaller = await contexts.build(lease, { ...terms, contextTokens }, await system(), signal)
        shown = ''
        events.begin(conversation.id, turnId)
        return outcomeOf(withCost(await ask(smaller), answer), smaller)
      } catch (error) {
        // A picture of an earlier turn that is now rejected must not fail this message.
        if (!(error instanceof ModelRefusal) || !context.hasOldAttachments || shown !== '') throw error
        log.info({ conversation: conversation.id }, 'asking again without the pictures of earlier turns')
        return outcomeOf(await ask(withoutOldAttachments(context)), context)
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
      // An unknown model of this chat alone keeps nobody else waiting, and the chat can change it.
      if (error instanceof ConfigurationError && terms.model !== settings.standard) {
        const notice = fillText(texts, 'model_unknown', { choices: settings.standard })
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
  const cut = isCut(stopReason) ? { reason: CUT_SHORT } : {}
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
  const cut = isCut(answer.stopReason)
  // All of its length went into what nobody sees; to put the question differently is no help.
  if (text === '') return refused(cut && answer.stopReason !== 'paused' ? 'no-room' : 'empty-answer', texts)
  return {
    kind: 'answered',
    text: cut
      ? `${withoutOpenCode(text)}\n\n${answer.stopReason === 'paused' ? texts.interrupted : texts.cut_short}`
      : text,
    preface,
    model: answer.model,
    usage: cost ? sum(answer.usage, cost.usage) : answer.usage,
    modelMs: answer.modelMs + (cost?.modelMs ?? 0),
    ...(cut ? { reason: CUT_SHORT } : {}),
    ...(summary === null ? {} : { summary: writeSummary(summary), summaryUpTo: summary.upTo }),
  }
}

/** What is added to an answer that was cut in a code block must not become a part of the code. */
function withoutOpenCode(text: string): string {
  const fence = openFence(text)
  return fence === null ? text : `${text}\n${fence.closing}`
}

/** There may be more to say than was said. */
function isCut(reason: StopReason): boolean {
  return reason === 'max_tokens' || reason === 'context_full' || reason === 'paused'
}

/** The answer, with what a first one had cost that was thrown away. */
function withCost(answer: ModelAnswer, discarded: ModelAnswer): ModelAnswer {
  const usage = sum(answer.usage, discarded.usage)
  return { ...answer, usage, modelMs: answer.modelMs + discarded.modelMs }
}

function withoutOldAttachments(context: TurnContext): TurnContext {
  const last = context.messages.length - 1
  const messages = context.messages.map((message, index) =>
    index === last
      ? message
      : { ...message, text: isBlank(message.text) ? '[attachment]' : message.text, attachments: [] },
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
