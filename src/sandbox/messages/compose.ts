import { thinkingOf } from './checks/check-settings.ts'
import type { Block } from './content.ts'
import type { Draft, DraftPart } from './draft.ts'
import { boundThinking, type MessageRequest } from './message-request.ts'
import { signatureOf, type BoundThinking } from './thinking/bind-thinking.ts'
import { newCallId } from './thinking/call-id.ts'
import { digest, sign } from './thinking/signature.ts'
import { tokensOf, tokensOfValue } from './tokens.ts'

/** An answer as the service gives it. */
export interface Reply {
  readonly blocks: readonly Block[]
  readonly stopReason: string
  readonly stopDetails: unknown
  /** The last block is a call whose input breaks off. */
  readonly cut: boolean
  readonly outputTokens: number
  readonly thinkingTokens: number
}

/** Gives the blocks of a draft their ids and signatures. */
export function compose(request: MessageRequest, draft: Draft, planned: string): Reply {
  const signing = draft.parts.some(({ kind }) => kind === 'thinking' || kind === 'redacted')
    ? new Signing(request, boundThinking(request), showsThinking(request, draft))
    : null
  const blocks: Block[] = []
  let outputTokens = 0
  let thinkingTokens = 0
  for (const part of draft.parts) {
    const thought = part.kind === 'thinking' || part.kind === 'redacted'
    const block = thought ? signing!.think(part) : blockOf(part, signing?.signatures ?? [])
    if (!thought) signing?.add(block)
    blocks.push(block)
    // What is thought is paid for, also where its text is left out.
    const tokens =
      part.kind === 'text' || part.kind === 'thinking' ? tokensOf(part.text) : tokensOfValue(block)
    if (part.kind !== 'server-result') outputTokens += tokens
    if (thought) thinkingTokens += tokens
  }
  const stopReason = draft.stopReason ?? planned
  return {
    blocks,
    stopReason,
    stopDetails: stopDetails(stopReason, draft.category),
    cut: draft.cut === true,
    outputTokens: draft.parts.length === 0 ? 0 : Math.max(1, outputTokens),
    thinkingTokens,
  }
}

/** What comes with a reason to stop; only a refusal has details. */
function stopDetails(stopReason: string, category = 'general_harms'): unknown {
  return stopReason === 'refusal' ? { type: 'refusal', category, explanation: null } : null
}

function blockOf(
  part: Exclude<DraftPart, { kind: 'thinking' | 'redacted' }>,
  signatures: readonly string[],
): Block {
  const caller = { type: 'direct' }
  switch (part.kind) {
    case 'text':
      return { type: 'text', text: part.text, citations: part.citations?.length ? part.citations : null }
    case 'call':
      return {
        type: 'tool_use',
        id: newCallId('toolu', signatures),
        name: part.name,
        input: part.input,
        caller,
      }
    case 'server-call':
      return {
        type: 'server_tool_use',
        id: newCallId('srvtoolu', signatures),
        name: part.name,
        input: part.input,
        caller,
      }
    case 'compaction':
    case 'server-result':
      return part.block
  }
}

/** Ties the thinking of one answer to all that comes before it, in the request and in the answer. */
class Signing {
  readonly signatures: string[] = []
  readonly #request: MessageRequest
  readonly #bound: BoundThinking
  readonly #shows: boolean
  #previous: string

  constructor(request: MessageRequest, bound: BoundThinking, shows: boolean) {
    this.#request = request
    this.#bound = bound
    this.#shows = shows
    this.#previous = bound.previous
  }

  /** Adds a block that is not thinking. */
  add(block: Block): void {
    this.#bound.prefix.add('assistant', block)
  }

  think(part: Extract<DraftPart, { kind: 'thinking' | 'redacted' }>): Block {
    const shown = part.kind === 'thinking' && this.#shows ? part.text : ''
    const signature = sign({
      model: digest(this.#request.simulated.id),
      organization: digest(this.#request.organization),
      ...this.#bound.prefix.hashes,
      previous: this.#previous,
      text: digest(shown),
    })
    const block: Block =
      part.kind === 'redacted'
        ? { type: 'redacted_thinking', data: signature }
        : { type: 'thinking', thinking: shown, signature }
    this.#previous = digest(signatureOf(block))
    this.signatures.push(signature)
    return block
  }
}

/** Whether the text of the thinking is sent, or the signature alone. */
function showsThinking({ json, simulated }: MessageRequest, draft: Draft): boolean {
  const thinking = thinkingOf(json, simulated)
  const display = thinking['display'] ?? simulated.rules.display
  const calls = draft.parts.some(({ kind }) => kind === 'call' || kind === 'server-call')
  // Notes between calls are there to be shown.
  return thinking.type === 'between_tools' || display === 'summarized' || (display === 'updates' && calls)
}
