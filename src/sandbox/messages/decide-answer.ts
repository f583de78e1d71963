import type { ScriptedReply, ToolResult } from '../types.ts'
import type { World } from '../world.ts'
import { answerFor } from './answer.ts'
import { isCommand, obey } from './chat-commands.ts'
import { thinkingOf, thinks } from './checks/check-settings.ts'
import { openServerCalls } from './checks/server-calls.ts'
import { compact, isCompaction } from './compaction.ts'
import { textDraft, type Draft, type DraftPart } from './draft.ts'
import type { MessageRequest } from './message-request.ts'
import { forcedCall } from './rehearsals.ts'
import { finish } from './server-results.ts'

const THOUGHT = 'I am simulated: I only pretend to think.'
/** Of one result; the answer names many. */
const QUOTED_CHARACTERS = 200

/** What the simulated model answers to a request. */
export function decideAnswer(world: World, request: MessageRequest): Draft {
  // A request for no token at all fills the cache.
  if (request.maxTokens === 0) return { parts: [], stopReason: 'max_tokens' }
  if (isCompaction(request.json)) {
    const block = compact(request.json, request.messages, request.simulated)
    return { parts: [{ kind: 'compaction', block }], stopReason: 'compaction' }
  }
  const open = openServerCalls(request.messages).flatMap((call) => finish(call, world.clock.now()))
  const draft = open.length > 0 ? goOn(open, request.results) : newAnswer(world, request)
  return withThinking(world, request, draft)
}

/** A turn that was paused, or had calls of both kinds of tools, begins with what the server tools found. */
function goOn(found: readonly DraftPart[], results: readonly ToolResult[]): Draft {
  const named: readonly DraftPart[] =
    results.length > 0 ? [{ kind: 'text', text: describeResults(results) }] : []
  return { parts: [...found, ...named], stopReason: 'end_turn' }
}

function newAnswer(world: World, request: MessageRequest): Draft {
  const { plan } = world
  const command = [request.text, request.lastText].find(isCommand)
  if (command !== undefined) return asDraft(obey(world, request, command))
  if (plan.reply) return asDraft(scripted(plan.reply(request)))
  if (request.results.length > 0) return textDraft(describeResults(request.results))
  return forcedCall(request) ?? textDraft(answerFor(plan, request))
}

function asDraft(answer: string | Draft): Draft {
  return typeof answer === 'string' ? textDraft(answer) : answer
}

function scripted(reply: string | ScriptedReply): string | Draft {
  if (typeof reply === 'string') return reply || ' '
  const { thinking, text, calls = [], stopReason } = reply
  const parts: DraftPart[] = []
  if (thinking !== undefined) parts.push({ kind: 'thinking', text: thinking })
  if (text !== undefined) parts.push({ kind: 'text', text })
  for (const call of calls) parts.push({ kind: 'call', ...call })
  return { parts, stopReason: stopReason ?? (calls.length > 0 ? 'tool_use' : null) }
}

/** The names of the tools and what each returned. */
function describeResults(results: readonly ToolResult[]): string {
  const rows = results.map(({ tool, text, isError }) => {
    const shown = text.length > QUOTED_CHARACTERS ? `${text.slice(0, QUOTED_CHARACTERS)}…` : text
    return `- \`${tool}\` ${isError ? 'failed' : 'returned'}: ${shown || '(nothing)'}`
  })
  return `I have the results:\n\n${rows.join('\n')}`
}

/** Thinking with a budget always shows; otherwise the plan says whether the model thinks. */
function withThinking(world: World, request: MessageRequest, draft: Draft): Draft {
  const { type } = thinkingOf(request.json, request.simulated)
  const calls = draft.parts.some(({ kind }) => kind === 'call' || kind === 'server-call')
  const wanted =
    type === 'enabled' || (world.plan.thinks && (thinks(type) || (type === 'between_tools' && calls)))
  const [first] = draft.parts
  if (
    !wanted ||
    !first ||
    first.kind === 'thinking' ||
    first.kind === 'redacted' ||
    first.kind === 'server-result'
  ) {
    return draft
  }
  return { ...draft, parts: [{ kind: 'thinking', text: THOUGHT }, ...draft.parts] }
}
