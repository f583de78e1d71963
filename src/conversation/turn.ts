import { readResponse } from '../agent/response.ts'
import { LeaseLost, resultTool, TurnSteps, type StepRequest } from '../agent/run-steps.ts'
import { stoppedBlocks } from '../agent/step-messages.ts'
import { ToolRate } from '../agent/tool-rate.ts'
import type { Tool, TurnLimits } from '../agent/tool.ts'
import type { ModelConfig } from '../config/config.ts'
import { fillText, type Texts } from '../config/texts.ts'
import type { Draft } from '../inbox/delivery/drafts.ts'
import type { AnswerTurn } from '../inbox/dispatch/dispatcher.ts'
import { Interruption } from '../inbox/dispatch/outcome.ts'
import type { MessageObserver } from '../inbox/figures/observer.ts'
import type { ConversationEvents } from '../inbox/fleet/conversation-events.ts'
import { latePreface } from '../inbox/gate/gate.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { Lease, TurnOutcome } from '../inbox/lease.ts'
import type { Clock } from '../support/clock.ts'
import { ConfigurationError } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import { isBlank } from '../support/text/printable.ts'
import type { BudgetKeeper } from '../usage/budget-keeper.ts'
import type { PriceTable } from '../usage/price-table.ts'
import { Spending } from '../usage/spending.ts'
import type { Compactions } from './compactions.ts'
import { blocksWithoutThinking } from './context/answer-blocks.ts'
import { broughtContext } from './context/brought-context.ts'
import { ContextBuilder, type BuildOptions, type TurnContext } from './context/context.ts'
import { requestEpoch } from './context/epoch.ts'
import { readFrozenTurn, writeFrozenTurn } from './frozen-turn.ts'
import type { ModelSettings } from './model-settings.ts'
import { ModelRefusal, type Model, type ModelAnswer, type ModelRequest } from './model.ts'
import { boundsOf } from './request-bounds.ts'
import { ShownAnswer } from './shown-answer.ts'
import { TurnBudget } from './turn-budget.ts'
import { chatOutcome, literalOutcome, refused, textOfSteps } from './turn-outcome.ts'

/** Half of it certainly fits, and leaves room for a long answer. */
const SMALLER_CONTEXT_SHARE = 0.5

export interface TurnOptions {
  readonly model: Model
  readonly inbox: Pick<Inbox, 'attachment' | 'saveStep' | 'saveResult'>
  readonly drafts: { open(lease: Lease, freeze: () => boolean): Draft }
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
  /** What the model may call, in the order in which it is offered. */
  readonly tools: readonly Tool[]
  readonly limits: TurnLimits
  readonly prices: PriceTable
  /** Left out: nothing is limited. */
  readonly budgets?: BudgetKeeper | null
  readonly onStoreError: (error: unknown) => void
  /** Left out: nothing is compacted. */
  readonly compactions?: Pick<Compactions, 'plan'>
  readonly random?: () => number
}

/** A turn: from the messages of a lease to the answer, streamed into its draft. */
export function createTurn(options: TurnOptions): AnswerTurn {
  const { drafts, events, texts, clock, log, settings, observer, compactions } = options
  const stepsOptions = { ...options, rate: new ToolRate(options.limits.callsPerMinute, clock) }

  return async (lease, signal, { draining, freeze, onUnstored }) => {
    const { conversation, messages, context: brought, journal } = lease
    const frozen = readFrozenTurn(journal.terms)
    let terms = frozen?.terms ?? settings.forTurn(conversation, brought?.model ?? null)
    const answerTokens = Math.min(brought?.maxTokens ?? terms.maxTokens, terms.maxTokens)
    const mostTokens = brought ? answerTokens : (settings.models.find(terms.model)?.maxTokens ?? answerTokens)
    // A program that keeps the conversation does not see what is done for it.
    const tools = brought ? options.tools.filter((tool) => tool.class === 'read') : options.tools
    const offered = frozen?.tools ?? tools.map(({ definition }) => definition)
    const preface = latePreface(messages[0]!.at, clock.now(), texts)
    const shown = new ShownAnswer({ lease, draft: drafts.open(lease, freeze), events, preface, texts })
    const budget = new TurnBudget(options, lease)
    const contexts = new ContextBuilder({ ...options, model: budget })
    let isNewEpoch = false
    let steps: TurnSteps | null = null
    const spending = new Spending(options.prices, (spent) => observer.emit({ kind: 'spent', spent }))
    const thrownAway: ModelAnswer[] = []

    const system = async (): Promise<string | null> => {
      const parts = [await options.system(), settings.systemPrompt(conversation)]
      return parts.filter((part) => part !== null).join('\n\n') || null
    }

    const contextOf = async (systemText: string | null, more: BuildOptions = {}): Promise<TurnContext> => {
      const record = frozen?.known === lease.summary ? frozen.record : null
      const onSpent: BuildOptions['onSpent'] = (kind, cost) => spending.add(kind, cost)
      const build = { tools: offered, record, onSpent, ...more }
      const built = brought
        ? await broughtContext(options.inbox, messages[0]!, brought, systemText, options.cache)
        : await contexts.build(lease, terms, systemText, signal, build)
      isNewEpoch = built.began !== null
      if (!frozen) return built
      const { cache, cost, isWithoutOldAttachments } = frozen
      const sent = isWithoutOldAttachments ? withoutOldAttachments(built) : built
      return { ...sent, cache, cost: built.cost ?? cost }
    }

    const requestOf = ({ system, cache, messages, epoch }: TurnContext): ModelRequest => ({
      conversation: conversation.id,
      ...(epoch ? { epoch: requestEpoch(epoch) } : {}),
      model: terms.model,
      maxTokens: answerTokens,
      effort: terms.effort,
      ...(terms.thinking && !brought ? { thinking: terms.thinking } : {}),
      system,
      cache,
      ...(offered.length > 0 ? { tools: offered } : {}),
      messages,
    })
    let asked: ModelRequest | null = null
    const bounds = () => boundsOf(asked!)

    const send = async (context: TurnContext, { own, steps: before }: StepRequest): Promise<ModelAnswer> => {
      const previous =
        before.length > 0 ? readResponse(before.at(-1)!).responseId : lastResponse(lease.history)
      const request: ModelRequest = {
        ...requestOf(context),
        ...(context.cache && !brought ? { previousResponse: previous } : {}),
        ...own,
        messages: [...context.messages, ...own.messages],
        ...(brought ? { stop: brought.stop } : {}),
      }
      asked = request
      const answer = await budget.answer(request, {
        signal,
        onText: (text) => shown.write(text),
        onRestart: () => shown.restart(),
        onLost: (cost) => spending.add('lost', cost, { tool: resultTool(before), bounds }),
      })
      const { cacheMiss } = answer
      if (cacheMiss) observer.emit({ kind: 'cache-miss', reason: cacheMiss.reason })
      return answer
    }

    try {
      shown.begin(textOfSteps(journal.steps))
      const systemText = frozen ? frozen.system : await system()
      let context = await contextOf(systemText)
      let isWithoutOldAttachments = frozen?.isWithoutOldAttachments ?? false

      const askFirst = async (request: StepRequest): Promise<ModelAnswer> => {
        const whole = context
        try {
          const answer = await send(whole, request)
          if (answer.stopReason !== 'context_full' || !whole.hasHistory) return answer
          // The estimate of its length was too low. What was written is replaced.
          log.info({ conversation: conversation.id }, 'asking again with less of the conversation')
          terms = { ...terms, contextTokens: Math.floor(terms.contextTokens * SMALLER_CONTEXT_SHARE) }
          thrownAway.push(answer)
          spending.add('discarded', answer, { bounds })
          context = await contextOf(systemText)
          shown.restart()
          return await send(context, request)
        } catch (error) {
          if (!(error instanceof ModelRefusal) || shown.text !== '') throw error
          const { reason } = error
          // What was compacted may be signed for another account, or the endpoint may be another one.
          const mayBeCompaction = whole.isCompacted && reason !== 'too-large'
          if (mayBeCompaction && (reason === 'compaction' || !whole.hasOldAttachments)) {
            log.info({ conversation: conversation.id }, 'asking again with the text of what was compacted')
            context = await contextOf(systemText, { withoutCompaction: true })
            return await send(context, request)
          }
          // A picture of an earlier turn that is now rejected must not fail this message.
          if (!whole.hasOldAttachments) throw error
          log.info({ conversation: conversation.id }, 'asking again without the pictures of earlier turns')
          isWithoutOldAttachments = brought !== undefined
          context = brought
            ? withoutOldAttachments(whole)
            : await contextOf(systemText, { withoutOldAttachments: true })
          return await send(context, request)
        }
      }

      steps = new TurnSteps(stepsOptions, {
        lease,
        freeze,
        tools: new Map(tools.map((tool) => [tool.definition.name, tool])),
        offersTools: offered.length > 0,
        maxTokens: answerTokens,
        mostTokens,
        spending,
        bounds,
        ask: async (request) => {
          shown.begin(textOfSteps(request.steps))
          if (request.steps.length === 0) return await askFirst(request)
          return await send(context, request).catch((error: unknown) => {
            if (error instanceof ModelRefusal && error.reason === 'too-large') return noRoom(terms.model)
            throw error
          })
        },
        terms: () =>
          writeFrozenTurn({
            ...context,
            terms,
            tools: offered,
            known: lease.summary,
            isWithoutOldAttachments,
          }),
        settlement: () => budget.settlement,
        onStep: () => {
          budget.settled()
          shown.begin(textOfSteps(steps!.steps))
        },
        onRunning: (titles) => shown.running(titles),
      })
      const answer = await steps.run(signal, draining)
      const discarded = [...thrownAway, ...steps.discarded]
      const end = { answer, steps: steps.steps, discarded, isAtLimit: steps.isAtLimit }
      const outcome = brought ? literalOutcome(end, texts) : chatOutcome(end, context, preface, texts)
      const isAnswer = outcome.kind === 'answered'
      spending.add(isAnswer ? 'answer' : 'discarded', answer, { tool: resultTool(steps.steps), bounds })
      const { settlement } = budget
      budget.settled()
      if (!isAnswer || brought) return { ...outcome, ...settlement }
      contexts.reportEpoch(conversation.id, context)
      const planned = compactions?.plan(lease, outcome, context, requestOf(context)) ?? outcome
      return { ...planned, ...settlement }
    } catch (error) {
      const known = steps?.steps ?? journal.steps
      const interruption = interruptionOf(signal)
      // A process that lost the lease to a stop may be notified later than the store.
      if (interruption?.kind === 'stopped' || error instanceof LeaseLost) {
        const stopped = brought ? null : stoppedBlocks(known, shown.current)
        // An epoch begins with an answer: what is stopped before it belongs to none.
        const blocks = stopped !== null && isNewEpoch ? blocksWithoutThinking(stopped) : stopped
        return { kind: 'stopped', text: shown.text, ...(blocks === null ? {} : { blocks }) }
      }
      if (interruption) throw interruption
      if (error instanceof ModelRefusal) {
        // One of the merged messages may be at fault: answer each separately.
        const isSplit = messages.length > 1 && known.length === 0
        return isSplit ? { kind: 'returned', split: true } : refused(error.reason, texts)
      }
      // An unknown model of this chat alone keeps nobody else waiting, and the chat can change it.
      if (error instanceof ConfigurationError && terms.model !== settings.standard) {
        const notice = fillText(texts, 'model_unknown', { choices: settings.standard })
        return { kind: 'refused', reason: 'model', notice } satisfies TurnOutcome
      }
      throw error
    } finally {
      await budget.end()
      onUnstored(spending.unstored)
      await shown.close(interruptionOf(signal)?.kind === 'stopped')
    }
  }
}

function interruptionOf({ aborted, reason }: AbortSignal): Interruption | null {
  return aborted && reason instanceof Interruption ? reason : null
}

/** Of the newest answer of which it is known; null = of none. */
function lastResponse(history: Lease['history']): string | null {
  return history.findLast(({ about }) => about?.responseId !== undefined)?.about?.responseId ?? null
}

/** For what the tools have found there is no room any more: the answer is what was said before. */
function noRoom(model: string): ModelAnswer {
  const usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }
  return {
    text: '',
    content: '[]',
    calls: [],
    container: null,
    model,
    usage,
    requests: 0,
    stopReason: 'context_full',
    modelMs: 0,
  }
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
