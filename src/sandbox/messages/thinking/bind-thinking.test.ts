import { describe, expect, it } from 'vitest'
import type { RequestMessage } from '../content.ts'
import { simulatedModel, SIMULATED_MODELS } from '../model-table.ts'
import { bindThinking, type ThinkingRequest } from './bind-thinking.ts'
import { newCallId } from './call-id.ts'
import { digest, readSignature, sign } from './signature.ts'

const model = (id: string) => simulatedModel(SIMULATED_MODELS, `claude-${id}`)!
const user = (...content: object[]) => ({ role: 'user', content })
const assistant = (...content: object[]) => ({ role: 'assistant', content })
const text = (value: string, more: object = {}) => ({ type: 'text', text: value, ...more })
const TOOLS = [{ name: 'a', input_schema: { type: 'object' } }]

function request(messages: readonly RequestMessage[], more: Partial<ThinkingRequest> = {}): ThinkingRequest {
  const json = { system: 'Be kind.', tools: TOOLS }
  return { json, messages, model: model('sonnet-5-5'), organization: 'org', onMismatch: 'error', ...more }
}

/** A thinking block as the model gives it behind `messages`. */
function thought(messages: readonly RequestMessage[], words = 'hm', more: Partial<ThinkingRequest> = {}) {
  const asked = request(messages, more)
  const bound = bindThinking(asked)
  if (typeof bound === 'string') throw new Error(bound)
  const signature = sign({
    model: digest(asked.model.id),
    organization: digest(asked.organization),
    ...bound.prefix.hashes,
    previous: bound.previous,
    text: digest(words),
  })
  return { type: 'thinking', thinking: words, signature }
}

const FIRST = [user(text('one'))]
const SECOND = [...FIRST, assistant(thought(FIRST), text('1')), user(text('two'))]
const THIRD = [...SECOND, assistant(thought(SECOND, 'oh'), text('2')), user(text('three'))]

/** The messages with one of them replaced. */
function replaced(index: number, message: RequestMessage): RequestMessage[] {
  return THIRD.map((one, at) => (at === index ? message : one))
}

describe('thinking that comes back', () => {
  it('is seen by the model where nothing before it has changed', () => {
    expect(bindThinking(request(THIRD))).toMatchObject({ transformations: [] })
  })

  it('does not mind marks of the cache, empty fields and strings for blocks', () => {
    const marked = replaced(0, { role: 'user', content: 'one' }).map((message, at) =>
      at === 2 ? user(text('two', { cache_control: { type: 'ephemeral' }, citations: null })) : message,
    )
    expect(bindThinking(request(marked))).toMatchObject({ transformations: [] })
  })

  it('may be missing altogether, and at the start', () => {
    const bare = [FIRST[0]!, assistant(text('1')), ...THIRD.slice(2)]
    expect(bindThinking(request(bare))).toMatchObject({ transformations: [] })
    expect(bindThinking(request([FIRST[0]!, assistant(text('1')), user(text('two'))]))).toMatchObject({
      transformations: [],
    })
  })

  const PLACE =
    /^messages\.1\.content\.0: Invalid `signature` in `thinking` block\. The block is bound to a different conversation\. Remove the block, or set `thinking\.block_binding\.prefix_mismatch_behavior` to "drop_block"\./
  it.each<readonly [string, ThinkingRequest, RegExp]>([
    [
      'another system prompt',
      request(THIRD, { json: { system: 'Be rude.', tools: TOOLS } }),
      /The `system` prompt differs/,
    ],
    ['another tool', request(THIRD, { json: { system: 'Be kind.', tools: [] } }), /The `tools` differ/],
    ['an edited message', request(replaced(0, user(text('uno')))), /The messages before it differ/],
    ['a message more', request([user(text('zero')), ...THIRD]), /The messages before it differ/],
  ])('is refused behind %s', (_what, asked, change) => {
    const refused = bindThinking(asked)
    expect(refused).toMatch(change)
    expect(String(refused).replace(/^messages\.2/, 'messages.1')).toMatch(PLACE)
  })

  it('is refused where one between others is missing', () => {
    const fourth = [...THIRD, assistant(thought(THIRD, 'ah'), text('3')), user(text('four'))]
    const holed = fourth.map((message, at) => (at === 3 ? assistant(text('2')) : message))
    expect(bindThinking(request(holed))).toMatch(/^messages\.5\.content\.0: .* was left out or moved\.$/)
  })

  it('is dropped with all behind it where the request says so, and what follows is bound again', () => {
    const edited = replaced(0, user(text('uno')))
    const dropping = { onMismatch: 'drop_block' } as const
    const bound = bindThinking(request(edited, dropping))
    expect(bound).toMatchObject({
      transformations: [1, 3].map((index) => ({
        type: 'thinking_dropped',
        path: `messages.${index}.content.0`,
        reason: 'prefix_binding_mismatch',
      })),
    })
    const later = [...edited, assistant(thought(edited, 'new', dropping), text('3')), user(text('four'))]
    expect(bindThinking(request(later, dropping))).toMatchObject({ transformations: [{}, {}] })
  })

  it('is dropped without an error for another model or organization', () => {
    expect(bindThinking(request(SECOND, { model: model('opus-5-5') }))).toMatchObject({
      transformations: [{ path: 'messages.1.content.0', reason: 'model_binding_mismatch' }],
    })
    expect(bindThinking(request(SECOND, { organization: 'other' }))).toMatchObject({
      transformations: [{ path: 'messages.1.content.0', reason: 'organization_binding_mismatch' }],
    })
  })

  it('is not bound to its prefix on an older model', () => {
    const old = { model: model('haiku-4-5') }
    const messages = [...FIRST, assistant(thought(FIRST, 'hm', old), text('1')), user(text('two'))]
    const edited = [user(text('uno')), ...messages.slice(1)]
    expect(bindThinking(request(edited, old))).toMatchObject({ transformations: [] })
  })

  it('is refused with a signature or a text that was changed', () => {
    const block = thought(FIRST)
    const invalid = 'messages.1.content.0: Invalid `signature` in `thinking` block'
    for (const changed of [
      { ...block, thinking: 'ha' },
      { ...block, signature: `${block.signature}x`.slice(4) },
    ]) {
      expect(bindThinking(request([...FIRST, assistant(changed, text('1')), user(text('two'))]))).toBe(
        invalid,
      )
    }
    const redacted = { type: 'redacted_thinking', data: 'x' }
    expect(bindThinking(request([...FIRST, assistant(redacted, text('1')), user(text('two'))]))).toBe(
      'messages.1.content.0: Invalid `data` in `redacted_thinking` block',
    )
  })
})

describe('thinking of the turn that is not over', () => {
  const block = thought(FIRST)
  const call = { type: 'tool_use', id: newCallId('toolu', [block.signature]), name: 'a', input: {} }
  const result = user({ type: 'tool_result', tool_use_id: call.id })
  const CHANGED =
    /^messages\.1\.content\.\d: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified/

  it('comes back complete', () => {
    expect(bindThinking(request([...FIRST, assistant(block, call), result]))).toMatchObject({
      transformations: [],
    })
    expect(bindThinking(request([...FIRST, assistant(call), result]))).toMatch(CHANGED)
    expect(bindThinking(request([...FIRST, assistant({ ...block, thinking: '' }, call), result]))).toMatch(
      CHANGED,
    )
  })

  it('may be left out when the turn is over', () => {
    const over = [...FIRST, assistant(call), result, assistant(text('1')), user(text('two'))]
    expect(bindThinking(request(over))).toMatchObject({ transformations: [] })
  })

  it('is only that of its own part where a paused turn is joined', () => {
    const search = {
      type: 'server_tool_use',
      id: newCallId('srvtoolu', [block.signature]),
      name: 'web_search',
      input: {},
    }
    const found = { type: 'web_search_tool_result', tool_use_id: search.id, content: [] }
    const paused = [...FIRST, assistant(block, search)]
    const second = thought([...FIRST, assistant(block, search, found)])
    const next = { ...call, id: newCallId('toolu', [second.signature]) }
    const joined = assistant(block, search, found, second, next)
    const answered = user({ type: 'tool_result', tool_use_id: next.id })
    expect(bindThinking(request(paused))).toMatchObject({ transformations: [] })
    expect(bindThinking(request([...FIRST, joined, answered]))).toMatchObject({ transformations: [] })
  })

  it('is not asked of calls that another service has made', () => {
    const other = { ...call, id: 'toolu_01A09q90qw90lq917835lq9' }
    const messages = [...FIRST, assistant(other), user({ type: 'tool_result', tool_use_id: other.id })]
    expect(bindThinking(request(messages))).toMatchObject({ transformations: [] })
  })
})

describe('a signature', () => {
  const binding = {
    model: 'm',
    organization: 'o',
    system: 's',
    tools: 't',
    messages: '',
    previous: '',
    text: 'x',
  }

  it('says what it was made of', () => {
    expect(readSignature(sign(binding))).toEqual(binding)
  })

  it.each([undefined, 5, '', 'sandbox', Buffer.from('sandbox1.a.b').toString('base64')])(
    'is not %j',
    (signature) => {
      expect(readSignature(signature)).toBeNull()
    },
  )

  it('is none any more when one letter of what it says has changed', () => {
    const changed = Buffer.from(sign(binding), 'base64').toString().replace('.o.', '.p.')
    expect(readSignature(Buffer.from(changed).toString('base64'))).toBeNull()
  })
})
