import type { MessageCreateParams } from '@anthropic-ai/sdk/resources/messages'
import type { ModelRequest, ToolDefinition } from '../conversation/model.ts'
import { promptOf, type RequestPrompt } from './prompt.ts'
import { RawContent } from './raw-content.ts'

/**
 * Thinking that is bound to something else than what it is sent with is left out by the provider instead of
 * refusing the request.
 *
 * @see https://platform.claude.com/docs/en/build-with-claude/preserved-thinking
 */
export const BINDING_BETA = 'thinking-binding-controls-2026-08-01'

/**
 * The provider compacts a conversation on demand, and takes the block that it has made of it.
 *
 * @see https://platform.claude.com/docs/en/build-with-claude/compaction
 */
export const COMPACTION_BETA = 'compact-2026-09-04'

/** `thinking` of a request; what this version of the SDK has only in its beta is the binding. */
type Thinking = NonNullable<MessageCreateParams['thinking']> & {
  readonly block_binding?: { readonly prefix_mismatch_behavior: 'drop_block' }
}

/**
 * The body of `POST /v1/messages`, streamed. Written by hand around what is JSON text already: parsed and
 * written again, an object loses the order of keys that are numbers, and the provider caches by bytes.
 *
 * @param thinking what `thinkingOf` says
 * @param compacts the messages are to be compacted, not answered
 */
export function bodyOf(request: ModelRequest, thinking: Thinking | null, compacts = false): string {
  const { model, maxTokens, effort, stop, container, toolChoice, previousResponse } = request
  const { system, messages } = promptOf(request)
  const tools = toolsOf(request)
  const fields = JSON.stringify({
    model,
    max_tokens: maxTokens,
    output_config: effort ? { effort } : undefined,
    thinking: thinking ?? undefined,
    compaction: compacts ? { type: 'summarize' } : undefined,
    container,
    // The API takes it only where there are tools.
    tool_choice: tools.length > 0 && toolChoice ? { type: toolChoice } : undefined,
    stop_sequences: stop?.length ? stop : undefined,
    stream: true,
    diagnostics: previousResponse === undefined ? undefined : { previous_message_id: previousResponse },
    system,
  })
  const offered = tools.length > 0 ? `,"tools":[${tools.join(',')}]` : ''
  return `${fields.slice(0, -1)}${offered},"messages":[${messages.map(messageJson).join(',')}]}`
}

/** How the model is to think; null = as it does by default. */
export function thinkingOf({ thinking }: Pick<ModelRequest, 'thinking'>, drops: boolean): Thinking | null {
  if (thinking !== 'auto') return null
  return {
    type: 'adaptive',
    // What it notes between calls is thinking, too, and comes only with this.
    display: 'summarized',
    ...(drops ? { block_binding: { prefix_mismatch_behavior: 'drop_block' } } : {}),
  }
}

/** Does it begin with what was compacted earlier? Nothing else of the model's can stand first. */
export function beginsCompacted({ messages }: Pick<ModelRequest, 'messages'>): boolean {
  return messages[0]?.role === 'assistant'
}

function toolsOf({ tools = [], serverTools = [] }: ModelRequest): readonly string[] {
  return [...tools.map(toolJson), ...serverTools]
}

function toolJson({ name, description, inputSchema }: ToolDefinition): string {
  return `${JSON.stringify({ name, description }).slice(0, -1)},"input_schema":${inputSchema}}`
}

function messageJson(message: RequestPrompt['messages'][number]): string {
  const { role, content } = message
  return content instanceof RawContent
    ? `{"role":"${role}","content":${content.json}}`
    : JSON.stringify(message)
}
