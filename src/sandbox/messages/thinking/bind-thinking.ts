import {
  isCall,
  isThinking,
  placedBlocks,
  startOfTurn,
  type Block,
  type PlacedBlock,
  type RequestMessage,
} from '../content.ts'
import type { SimulatedModel } from '../model-table.ts'
import { readCallId } from './call-id.ts'
import { Prefix } from './prefix.ts'
import { digest, readSignature, type Binding } from './signature.ts'

/** What the service did with a thinking block that was not bound to this conversation. */
export interface InputTransformation {
  readonly type: 'thinking_dropped'
  readonly path: string
  readonly reason: 'model_binding_mismatch' | 'prefix_binding_mismatch' | 'organization_binding_mismatch'
}

/** The thinking of a request, checked; what further thinking of its answer will be tied to. */
export interface BoundThinking {
  readonly transformations: readonly InputTransformation[]
  /** Blocks that the model does not see. */
  readonly dropped: ReadonlySet<Block>
  readonly prefix: Prefix
  /** Of the last thinking block that the model sees. */
  readonly previous: string
}

export interface ThinkingRequest {
  readonly json: Readonly<Record<string, unknown>>
  readonly messages: readonly RequestMessage[]
  readonly model: SimulatedModel
  readonly organization: string
  /** What happens to a block behind a prefix that has changed. */
  readonly onMismatch: 'error' | 'drop_block'
}

/**
 * Checks every thinking block of a request: its signature, that model and organization may read it, and
 * that nothing before it has changed. A block may be missing at the start of the conversation, not between
 * others; behind the first one that fails all fail.
 *
 * @returns a sentence in the words of the service where the request is refused
 */
export function bindThinking(request: ThinkingRequest): BoundThinking | string {
  const { messages, model } = request
  const placed = placedBlocks(messages)
  const current = startOfTurn(messages)
  const incomplete = incompleteFault(placed.filter(({ message }) => message >= current))
  if (incomplete) return incomplete
  const prefix = new Prefix(request.json)
  const transformations: InputTransformation[] = []
  const dropped = new Set<Block>()
  let previous: string | null = null
  for (const { block, path, role, message } of placed) {
    if (!isThinking(block)) {
      prefix.add(role, block)
      continue
    }
    const binding = readBlock(block)
    if (!binding) return message >= current ? modified(path) : invalid(path, block)
    const foreign = foreignReason(binding, request)
    const change = foreign || !model.rules.bindsThinking ? null : changeBefore(binding, prefix, previous)
    if (change && request.onMismatch === 'error') return mismatch(path, block, change)
    const reason = foreign ?? (change ? 'prefix_binding_mismatch' : null)
    if (reason) {
      dropped.add(block)
      transformations.push({ type: 'thinking_dropped', path, reason })
    } else previous = digest(signatureOf(block))
  }
  return { transformations, dropped, prefix, previous: previous ?? '' }
}

/** The signature, or the data where the thinking is redacted. */
export function signatureOf(block: Block): string {
  return String(block.type === 'thinking' ? block['signature'] : block['data'])
}

function readBlock(block: Block): Binding | null {
  const binding = readSignature(signatureOf(block))
  const text = block.type === 'thinking' ? String(block['thinking']) : ''
  return binding && binding.text === digest(text) ? binding : null
}

function foreignReason(binding: Binding, request: ThinkingRequest): InputTransformation['reason'] | null {
  if (binding.organization !== digest(request.organization)) return 'organization_binding_mismatch'
  return binding.model === digest(request.model.id) ? null : 'model_binding_mismatch'
}

/** What has changed before a block, as a sentence; null: nothing. */
function changeBefore(binding: Binding, prefix: Prefix, previous: string | null): string | null {
  const { system, tools, messages } = prefix.hashes
  if (binding.system !== system)
    return 'The `system` prompt differs from the one this block was created with.'
  if (binding.tools !== tools) return 'The `tools` differ from those this block was created with.'
  if (binding.messages !== messages)
    return 'The messages before it differ from those this block was created with.'
  return previous === null || binding.previous === previous
    ? null
    : 'A thinking block before it was left out or moved.'
}

/** In the turn that is not over, a call comes back with all the thinking before it. */
function incompleteFault(turn: readonly PlacedBlock[]): string | null {
  const signatures: string[] = []
  for (const { block, path } of turn) {
    if (isThinking(block)) signatures.push(signatureOf(block))
    if (!isCall(block)) continue
    const call = readCallId(String(block['id']))
    // A message may join the parts of a paused turn: the call knows the thinking of its own part alone.
    const complete =
      call === null || signatures.some((_, from) => call.matches(signatures.slice(from))) || call.matches([])
    if (!complete) return modified(path)
  }
  return null
}

function modified(path: string): string {
  return `${path}: \`thinking\` or \`redacted_thinking\` blocks in the latest assistant message cannot be modified. These blocks must remain as they were in the original response.`
}

function invalid(path: string, block: Block): string {
  const field = block.type === 'thinking' ? 'signature' : 'data'
  return `${path}: Invalid \`${field}\` in \`${block.type}\` block`
}

function mismatch(path: string, block: Block, change: string): string {
  return (
    `${invalid(path, block)}. The block is bound to a different conversation. Remove the block, or set ` +
    '`thinking.block_binding.prefix_mismatch_behavior` to "drop_block". That setting requires the ' +
    `\`thinking-binding-controls-2026-08-01\` value in the \`anthropic-beta\` header. ${change}`
  )
}
