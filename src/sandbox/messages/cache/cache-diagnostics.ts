import { remember } from '../../../support/remember.ts'
import { isRecord } from '../../http.ts'
import { placedBlocks, systemBlocks, toolsOf } from '../content.ts'
import { canonical, digestAll } from '../thinking/prefix.ts'
import { digest } from '../thinking/signature.ts'
import { messageSettings, type PromptRequest } from './prompt-parts.ts'

/** Why a prompt could not use the cached prefix of an earlier one, as the service says it. */
export type CacheMissReason =
  | {
      readonly type: 'model_changed' | 'system_changed' | 'tools_changed' | 'messages_changed'
      readonly cache_missed_input_tokens: number
    }
  | { readonly type: 'previous_message_not_found' | 'unavailable' }

/** What is kept of a request. */
interface Fingerprint {
  readonly organization: string
  readonly model: string
  readonly system: string
  readonly tools: string
  readonly settings: string
  readonly blocks: number
  /** Of all its messages. */
  readonly messages: string
  /** Up to its last mark, in tokens. */
  readonly cached: number
}

/** As many as the conversations of a busy gateway; a hundred bytes each. */
const KEPT_REQUESTS = 10_000

/** Compares a request with the one that its `diagnostics` name. */
export class CacheDiagnostics {
  readonly #requests = new Map<string, Fingerprint>()

  /**
   * Remembers this request by the id of its answer, where it asks for diagnostics.
   *
   * @param cached tokens up to its last mark
   * @param read tokens that it read from the cache
   * @returns why its prefix was not the earlier one's; null: it was, or nothing was asked
   */
  compare(request: PromptRequest, answerId: string, cached: number, read: number): CacheMissReason | null {
    const { diagnostics } = request.json
    if (!isRecord(diagnostics)) return null
    const hashes = messageHashes(request)
    const now = fingerprintOf(request, hashes, cached)
    remember(this.#requests, answerId, now, KEPT_REQUESTS)
    const previousId = diagnostics['previous_message_id']
    if (typeof previousId !== 'string') return null
    const previous = this.#requests.get(previousId)
    if (previousId === answerId || previous?.organization !== request.organization) {
      return { type: 'previous_message_not_found' }
    }
    return missReason(previous, now, hashes, read)
  }
}

function missReason(
  previous: Fingerprint,
  now: Fingerprint,
  hashes: readonly string[],
  read: number,
): CacheMissReason | null {
  const changed = (type: 'model_changed' | 'system_changed' | 'tools_changed' | 'messages_changed') => ({
    type,
    cache_missed_input_tokens: Math.max(0, previous.cached - read),
  })
  if (previous.model !== now.model) return changed('model_changed')
  if (previous.tools !== now.tools) return changed('tools_changed')
  if (previous.system !== now.system) return changed('system_changed')
  if (hashes[previous.blocks - 1] !== previous.messages) return changed('messages_changed')
  return previous.settings === now.settings ? null : { type: 'unavailable' }
}

/** The hash of all blocks up to each one. */
function messageHashes({ messages, dropped }: PromptRequest): readonly string[] {
  let hash = ''
  return placedBlocks(messages)
    .filter(({ block }) => !dropped.has(block))
    .map(({ role, block }) => (hash = digest(`${hash}\n${role}\n${canonical(block)}`)))
}

function fingerprintOf(request: PromptRequest, hashes: readonly string[], cached: number): Fingerprint {
  const { json, model, messages, organization } = request
  return {
    organization,
    model: `${model.id}\n${String(json['speed'] ?? 'standard')}`,
    system: digestAll(systemBlocks(json['system'])),
    tools: digestAll(toolsOf(json['tools'])),
    settings: digest(JSON.stringify(messageSettings(json, model, messages))),
    blocks: hashes.length,
    messages: hashes.at(-1) ?? '',
    cached,
  }
}
