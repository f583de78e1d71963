import { describe, expect, it } from 'vitest'
import type { RequestMessage } from '../content.ts'
import { SIMULATED_MODELS } from '../model-table.ts'
import { CacheDiagnostics } from './cache-diagnostics.ts'

const FIRST = [{ role: 'user', content: 'one' }]
const SECOND = [...FIRST, { role: 'assistant', content: '1' }, { role: 'user', content: 'two' }]
const [SONNET, OPUS] = SIMULATED_MODELS
const ASKED = { system: 'Be kind.', tools: [{ name: 'a' }] }

function request(messages: readonly RequestMessage[], previous: string | null, more: object = {}) {
  const {
    model = SONNET!,
    organization = 'org',
    ...json
  } = more as { model?: typeof OPUS; organization?: string }
  return {
    json: { ...ASKED, diagnostics: { previous_message_id: previous }, ...json },
    messages,
    model: model!,
    organization,
    dropped: new Set<never>(),
  }
}

describe('why a prompt was not found in the cache', () => {
  it.each<readonly [string, readonly RequestMessage[], object, object | null]>([
    ['nothing where messages were added', SECOND, {}, null],
    ['nothing where nothing has changed', FIRST, {}, null],
    ['the model', SECOND, { model: OPUS }, { type: 'model_changed', cache_missed_input_tokens: 900 }],
    ['the speed', SECOND, { speed: 'fast' }, { type: 'model_changed', cache_missed_input_tokens: 900 }],
    ['the tools', SECOND, { tools: [] }, { type: 'tools_changed', cache_missed_input_tokens: 900 }],
    [
      'the system prompt',
      SECOND,
      { system: 'Be rude.' },
      { type: 'system_changed', cache_missed_input_tokens: 900 },
    ],
    [
      'an edited message',
      [{ role: 'user', content: 'uno' }, ...SECOND.slice(1)],
      {},
      { type: 'messages_changed', cache_missed_input_tokens: 900 },
    ],
    ['another setting', SECOND, { output_config: { effort: 'low' } }, { type: 'unavailable' }],
    ['another organization', SECOND, { organization: 'other' }, { type: 'previous_message_not_found' }],
  ])('%s', (_what, messages, more, reason) => {
    const diagnostics = new CacheDiagnostics()
    expect(diagnostics.compare(request(FIRST, null), 'msg_1', 1_000, 0)).toBeNull()
    expect(diagnostics.compare(request(messages, 'msg_1', more), 'msg_2', 2_000, 100)).toEqual(reason)
  })

  it('says so where it does not know the request', () => {
    const diagnostics = new CacheDiagnostics()
    const reason = { type: 'previous_message_not_found' }
    expect(diagnostics.compare(request(FIRST, 'msg_9'), 'msg_1', 0, 0)).toEqual(reason)
    expect(diagnostics.compare(request(FIRST, 'msg_2'), 'msg_2', 0, 0)).toEqual(reason)
  })

  it('says nothing to a request that asks nothing, and keeps nothing of it', () => {
    const diagnostics = new CacheDiagnostics()
    expect(diagnostics.compare({ ...request(FIRST, null), json: ASKED }, 'msg_1', 0, 0)).toBeNull()
    expect(diagnostics.compare(request(FIRST, 'msg_1'), 'msg_2', 0, 0)).toEqual({
      type: 'previous_message_not_found',
    })
  })
})
