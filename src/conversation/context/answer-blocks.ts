import type { StoredMessage } from '../../inbox/message.ts'
import { jsonMember, jsonParts } from '../../support/text/json-parts.ts'
import { isBlank } from '../../support/text/printable.ts'
import type { ModelMessage } from '../model.ts'
import { attachmentTokens, estimateTokens } from './history.ts'

/** Where of an answer nothing is left that may be sent: the API takes no empty message. */
const NO_TEXT = '(no text)'
/** Base64 writes three bytes as four characters. */
const BYTES_PER_BASE64_CHARACTER = 0.75

/** One message of the API, as it is stored with the answer that it belongs to. */
interface BlockMessage {
  readonly role: ModelMessage['role']
  readonly blocks: readonly Block[]
}

interface Block {
  /** As it came, and as it is sent again. */
  readonly json: string
  readonly value: { readonly type: string } & Readonly<Record<string, unknown>>
}

/**
 * Which blocks of an answer are sent: all of them within the epoch that it was given in; in later ones without
 * the thinking, which the model binds to what it was sent then; `text` also without the calls of tools, for
 * requests that offer none.
 */
export type BlockChoice = 'all' | 'without-thinking' | 'text'

/** What an answer is sent as in later turns. */
export interface SentAnswer {
  readonly messages: readonly ModelMessage[]
  readonly tokens: number
}

/** The messages of a stored answer, byte by byte. One without blocks, or with unusable ones, is its text. */
export function sentAnswer(
  { blocks = null, text }: Pick<StoredMessage, 'blocks' | 'text'>,
  choice: BlockChoice,
): SentAnswer {
  const said = isBlank(text) ? NO_TEXT : text
  if (blocks === null) return textAnswer(said)
  const stored = readBlocks(blocks)
  const chosen = stored === null ? null : chooseBlocks(stored, choice, said)
  if (chosen === null) return textAnswer(said)
  const messages = chosen.map((message) => ({
    role: message.role,
    text: '',
    attachments: [],
    blocks: contentOf(message),
  }))
  return {
    messages,
    tokens: chosen.flatMap((message) => message.blocks).reduce((sum, block) => sum + tokensOf(block), 0),
  }
}

function textAnswer(text: string): SentAnswer {
  return { messages: [{ role: 'assistant', text, attachments: [] }], tokens: estimateTokens(text) }
}

/** The same blocks of an answer without its thinking. @param blocks see `StoredMessage.blocks` */
export function blocksWithoutThinking(blocks: string): string {
  const messages = withoutThinking(readBlocks(blocks) ?? [], NO_TEXT)
  return `[${messages.map((message) => `{"role":"${message.role}","content":${contentOf(message)}}`).join(',')}]`
}

/** @returns null = what is left is no valid part of a conversation */
function chooseBlocks(
  stored: readonly BlockMessage[],
  choice: BlockChoice,
  text: string,
): readonly BlockMessage[] | null {
  const chosen = choice === 'all' ? stored : withoutThinking(stored, text)
  const isText = chosen.every(({ blocks }) => blocks.every(({ value }) => value.type === 'text'))
  return isValid(chosen) && (choice !== 'text' || isText) ? chosen : null
}

function contentOf({ blocks }: BlockMessage): string {
  return `[${blocks.map(({ json }) => json).join(',')}]`
}

/** An answer of which only thinking would be left is its text. */
function withoutThinking(messages: readonly BlockMessage[], text: string): readonly BlockMessage[] {
  return messages.map(({ role, blocks }, index) => {
    const kept = blocks.filter((block) => !isThinking(block) && !isEmptyText(block))
    const isEmptied = kept.length === 0 && index === messages.length - 1
    return { role, blocks: isEmptied ? [textBlock(text)] : kept }
  })
}

function textBlock(text: string): Block {
  const value = { type: 'text', text }
  return { json: JSON.stringify(value), value }
}

function isThinking({ value: { type } }: Block): boolean {
  return type === 'thinking' || type === 'redacted_thinking'
}

function isEmptyText({ value: { type, text } }: Block): boolean {
  return type === 'text' && typeof text === 'string' && isBlank(text)
}

/** Do they begin and end with the model, without an empty one, and with one result for each call of a tool? */
function isValid(messages: readonly BlockMessage[]): boolean {
  if (messages.length % 2 === 0) return false
  return messages.every(({ role, blocks }, index) => {
    if (role !== (index % 2 === 0 ? 'assistant' : 'user') || blocks.length === 0) return false
    if (role === 'user') return true
    const calls = idsOf(blocks, 'tool_use', 'id')
    const results = idsOf(messages[index + 1]?.blocks ?? [], 'tool_result', 'tool_use_id')
    return calls.length === results.length && new Set([...calls, ...results]).size === calls.length
  })
}

function idsOf(blocks: readonly Block[], type: string, name: string): readonly unknown[] {
  return blocks.filter(({ value }) => value.type === type).map(({ value }) => value[name])
}

/** Pictures and documents cost by what is in them, not by their bytes. */
function tokensOf({ value }: Block): number {
  let fileTokens = 0
  const text = JSON.stringify(value, (_, inner: unknown) => {
    const file = fileOf(inner)
    if (file === null) return inner
    fileTokens += attachmentTokens(file)
    return undefined
  })
  return estimateTokens(text) + fileTokens
}

function fileOf(value: unknown): { readonly mediaType: string; readonly size: number } | null {
  if (typeof value !== 'object' || value === null) return null
  const { type, media_type, data } = value as Readonly<Record<string, unknown>>
  if (type !== 'base64' || typeof media_type !== 'string' || typeof data !== 'string') return null
  return { mediaType: media_type, size: data.length * BYTES_PER_BASE64_CHARACTER }
}

/** @returns null = not an array of messages with blocks */
function readBlocks(json: string): readonly BlockMessage[] | null {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return null
  }
  if (!Array.isArray(value) || !value.every(isMessage)) return null
  const texts = jsonParts(json)
  return value.map(({ role, content }, index) => {
    const blocks = jsonParts(jsonMember(texts[index]!, 'content')!)
    return { role, blocks: content.map((block, place) => ({ json: blocks[place]!, value: block })) }
  })
}

function isMessage(
  value: unknown,
): value is { readonly role: ModelMessage['role']; readonly content: ReadonlyArray<Block['value']> } {
  const { role, content } = (value ?? {}) as Readonly<Record<string, unknown>>
  return (role === 'user' || role === 'assistant') && Array.isArray(content) && content.every(isBlock)
}

function isBlock(value: unknown): value is Block['value'] {
  return typeof (value as { readonly type?: unknown } | null)?.type === 'string'
}
