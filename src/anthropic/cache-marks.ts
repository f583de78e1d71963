import type {
  CacheControlEphemeral,
  ContentBlockParam,
  TextBlockParam,
} from '@anthropic-ai/sdk/resources/messages'
import type { ModelMessage, PromptCaching } from '../conversation/model.ts'
import { RawContent } from './raw-content.ts'

/** What of a request is cached, in blocks. */
export interface Prompt {
  readonly system: TextBlockParam[]
  readonly messages: Array<{
    readonly role: ModelMessage['role']
    readonly content: ContentBlockParam[] | RawContent
  }>
}

/** The system prompt of all chats, and what follows it for this conversation alone. */
const SYSTEM_MARKS = 2

/** A block of a prompt. */
export type BlockPlace =
  | { readonly part: 'system'; readonly block: number }
  | { readonly part: 'messages'; readonly message: number; readonly block: number }

/**
 * Where the breakpoints of a request stand, in its order. The API takes four and writes at each of them; it
 * finds what was written before at most 20 blocks ahead of one. Hence the newest message of the person, where
 * the next request will look, and the message before, where the last request has written: in a chat they are
 * two blocks apart, but an answer may have any number. The last system blocks serve other conversations, and
 * this one when its messages begin again; what is written there has the tools in it. Results of tools are
 * messages like those of a person.
 *
 * A prefix that is shorter than the model's minimum is not cached, and its mark costs nothing.
 */
export function decideCacheMarks(
  { system, messages }: Prompt,
  scope: PromptCaching['scope'],
): readonly BlockPlace[] {
  const places: BlockPlace[] = []
  for (let block = Math.max(0, system.length - SYSTEM_MARKS); block < system.length; block++) {
    if (isMarkable(system[block]!)) places.push({ part: 'system', block })
  }
  if (scope === 'system') return places
  const newest = messages.findLastIndex(({ role }) => role === 'user')
  const before = messages.slice(0, Math.max(0, newest)).findLastIndex(({ role }) => role === 'user')
  for (const message of [before, newest]) {
    const block = lastMarkable(messages[message]?.content ?? [])
    if (block !== -1) places.push({ part: 'messages', message, block })
  }
  return places
}

/**
 * The prompt with its breakpoints. All of a request live equally long: a longer life behind a shorter one
 * would be refused.
 */
export function markPrompt(prompt: Prompt, { ttl, scope }: PromptCaching): Prompt {
  const system = [...prompt.system]
  const messages = [...prompt.messages]
  for (const place of decideCacheMarks(prompt, scope)) {
    if (place.part === 'system') system[place.block] = marked(system[place.block]!, ttl)
    else {
      const message = messages[place.message]!
      messages[place.message] = { ...message, content: withMark(message.content, place.block, ttl) }
    }
  }
  return { system, messages }
}

function lastMarkable(content: ContentBlockParam[] | RawContent): number {
  return content instanceof RawContent ? content.findLastIndex(isMarkable) : content.findLastIndex(isMarkable)
}

function withMark(
  content: ContentBlockParam[] | RawContent,
  block: number,
  ttl: PromptCaching['ttl'],
): ContentBlockParam[] | RawContent {
  return content instanceof RawContent
    ? content.withField(block, 'cache_control', markOf(ttl))
    : content.with(block, marked(content[block]!, ttl))
}

function marked<Block extends object>(block: Block, ttl: PromptCaching['ttl']): Block {
  return { ...block, cache_control: markOf(ttl) }
}

function markOf(ttl: PromptCaching['ttl']): CacheControlEphemeral {
  return { type: 'ephemeral', ttl }
}

/** The API refuses a mark on thinking, and on a text that is empty. */
function isMarkable(block: { readonly type?: unknown; readonly text?: unknown }): boolean {
  const { type, text } = block
  if (type === 'thinking' || type === 'redacted_thinking') return false
  return type !== 'text' || text !== ''
}
