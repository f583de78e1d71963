import { describe, expect, it } from 'vitest'
import { asSentence } from '../../../../test/support/as-sentence.ts'
import { SIMULATED_MODELS } from '../model-table.ts'
import { contentFault, systemPromptFault } from './check-content.ts'

const [SONNET, , , HAIKU_4_5] = SIMULATED_MODELS.map(({ rules }) => rules)
const user = (...content: unknown[]) => ({ role: 'user', content })
const assistant = (...content: unknown[]) => ({ role: 'assistant', content })
const text = (value: unknown) => ({ type: 'text', text: value })
const HI = text('hi')
const faultOf = (...messages: unknown[]) => contentFault(messages, SONNET!, [])

describe('the blocks of a request', () => {
  const accepted: ReadonlyArray<readonly [what: string, messages: unknown[]]> = [
    ['a text as a string', [{ role: 'user', content: 'hi' }]],
    ['a marked text', [user({ ...HI, cache_control: { type: 'ephemeral' } })]],
    [
      'a picture',
      [user({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } })],
    ],
    [
      'a picture by address',
      [user({ type: 'image', source: { type: 'url', url: 'https://a.example/b.png' } })],
    ],
    [
      'a PDF',
      [user({ type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'AA==' } })],
    ],
    ['a file', [user({ type: 'document', source: { type: 'file', file_id: 'file_1' } })]],
    ['an upload', [user({ type: 'container_upload', file_id: 'file_1' }, HI)]],
    [
      'thinking before text',
      [user(HI), assistant({ type: 'thinking', thinking: '', signature: 's' }, HI), user(HI)],
    ],
    [
      'redacted thinking before text',
      [user(HI), assistant({ type: 'redacted_thinking', data: 'x' }, HI), user(HI)],
    ],
    ['a result without content', [user({ type: 'tool_result', tool_use_id: 'toolu_1' })]],
    [
      'a result of blocks',
      [
        user({
          type: 'tool_result',
          tool_use_id: 'toolu_1',
          content: [HI, { type: 'tool_reference', tool_name: 'a' }],
        }),
      ],
    ],
    ['a system message behind a person', [user(HI), { role: 'system', content: 'Be brief.' }]],
    [
      'a system message behind what a server tool found',
      [
        user(HI),
        assistant({ type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] }),
        { role: 'system', content: 'Be brief.' },
      ],
    ],
  ]
  it.each(accepted)('may be %s', (_what, messages) => {
    expect(faultOf(...messages)).toBeNull()
  })

  const refused: ReadonlyArray<readonly [what: string, messages: unknown[], fault: string | RegExp]> = [
    ['no message', [], 'messages: at least one message is required'],
    ['no object', ['hi'], 'messages.0: Input should be an object'],
    ['another role', [{ role: 'tool', content: 'x' }], /^messages\.0: role: Input should be/],
    ['no content', [{ role: 'user' }], 'messages.0.content: Field required'],
    [
      'empty content',
      [{ role: 'user', content: '' }],
      'messages.0: user messages must have non-empty content',
    ],
    ['no blocks', [user()], 'messages.0: user messages must have non-empty content'],
    ['an empty answer', [user(HI), assistant()], /^messages\.1: all messages must have non-empty content/],
    ['an empty text', [user(text(''))], 'messages: text content blocks must be non-empty'],
    ['a blank text', [user(text(' \n\t'))], 'messages: text content blocks must contain non-whitespace text'],
    [
      'a blank string',
      [{ role: 'user', content: ' ' }],
      'messages: text content blocks must contain non-whitespace text',
    ],
    ['a blank answer', [user(HI), assistant(text(' ')), user(HI)], /non-whitespace text$/],
    ['a text without text', [user({ type: 'text' })], 'messages.0.content.0.text: Field required'],
    [
      'an unknown block',
      [user({ type: 'audio' })],
      /^messages\.0\.content\.0: Input tag 'audio' found using 'type'/,
    ],
    ['an inherited name', [user({ type: 'constructor' })], /Input tag 'constructor' found/],
    [
      'a field that nobody knows',
      [user({ ...HI, id: 1 })],
      'messages.0.content.0.text.id: Extra inputs are not permitted',
    ],
    ['a message with more', [{ ...user(HI), id: 'm1' }], 'messages.0.id: Extra inputs are not permitted'],
    [
      'a picture of another kind',
      [user({ type: 'image', source: { type: 'base64', media_type: 'image/tiff', data: 'A' } })],
      /media_type: Input should be 'image\/jpeg'/,
    ],
    [
      'an empty picture',
      [user({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: '' } })],
      /image cannot be empty$/,
    ],
    ['a picture without source', [user({ type: 'image' })], 'messages.0.content.0.source: Field required'],
    [
      'a document that is no PDF',
      [user({ type: 'document', source: { type: 'base64', media_type: 'text/html', data: 'A' } })],
      /Input should be 'application\/pdf'$/,
    ],
    [
      'an upload without a file',
      [user({ type: 'container_upload' })],
      'messages.0.content.0.file_id: Field required',
    ],
    [
      'thinking of a person',
      [user({ type: 'thinking', thinking: '', signature: '' })],
      'messages.0.content.0: `thinking` blocks can only be in `assistant` messages',
    ],
    [
      'a call of a person',
      [user({ type: 'tool_use', id: 'a', name: 'b', input: {} })],
      'messages.0.content.0: `tool_use` blocks can only be in `assistant` messages',
    ],
    [
      'a result of the model',
      [user(HI), assistant({ type: 'tool_result', tool_use_id: 'a' })],
      'messages.1.content.0: `tool_result` blocks can only be in `user` messages',
    ],
    [
      'thinking without a signature',
      [user(HI), assistant({ type: 'thinking', thinking: '' }, HI)],
      'messages.1.content.0.thinking.signature: Field required',
    ],
    [
      'marked thinking',
      [
        user(HI),
        assistant(
          { type: 'thinking', thinking: '', signature: '', cache_control: { type: 'ephemeral' } },
          HI,
        ),
      ],
      'messages.1.content.0.thinking.cache_control: Extra inputs are not permitted',
    ],
    [
      'thinking at the end',
      [user(HI), assistant({ type: 'thinking', thinking: '', signature: '' }), user(HI)],
      'messages.1: The final block in an assistant message cannot be `thinking`.',
    ],
    [
      'a call without input',
      [user(HI), assistant({ type: 'tool_use', id: 'a', name: 'b' })],
      'messages.1.content.0.tool_use.input: Input should be a valid dictionary',
    ],
    [
      'a call with text as input',
      [user(HI), assistant({ type: 'tool_use', id: 'a', name: 'b', input: '{}' })],
      /valid dictionary$/,
    ],
    [
      'a call with a bad id',
      [user(HI), assistant({ type: 'tool_use', id: 'a b', name: 'b', input: {} })],
      /tool_use\.id: String should match pattern/,
    ],
    [
      'a call with a bad name',
      [user(HI), assistant({ type: 'tool_use', id: 'a', name: 'b.c', input: {} })],
      /tool_use\.name: String should match pattern/,
    ],
    [
      'a server call with the id of a client',
      [user(HI), assistant({ type: 'server_tool_use', id: 'toolu_1', name: 'web_search', input: {} })],
      /server_tool_use\.id: String should match/,
    ],
    [
      'a server call of an unknown tool',
      [user(HI), assistant({ type: 'server_tool_use', id: 'srvtoolu_1', name: 'mine', input: {} })],
      /server_tool_use\.name: Input should be 'web_search'/,
    ],
    [
      'an empty text in a result',
      [user({ type: 'tool_result', tool_use_id: 'a', content: [text('')] })],
      'messages: text content blocks must be non-empty',
    ],
    [
      'a call in a result',
      [user({ type: 'tool_result', tool_use_id: 'a', content: [{ type: 'tool_use' }] })],
      /tool_result\.content\.0: Input tag 'tool_use'/,
    ],
    [
      'a picture as an error',
      [
        user({
          type: 'tool_result',
          tool_use_id: 'a',
          is_error: true,
          content: [{ type: 'image', source: { type: 'url', url: 'x' } }],
        }),
      ],
      /all content must be type `text` if `is_error` is true$/,
    ],
    [
      'a reference outside of a result',
      [user({ type: 'tool_reference', tool_name: 'a' })],
      /Input tag 'tool_reference'/,
    ],
    ['an answer at the start', [assistant(HI), user(HI)], 'messages: first message must use the "user" role'],
    [
      'a compaction without its beta',
      [assistant({ type: 'compaction', content: 'x' }), user(HI)],
      /Input tag 'compaction'/,
    ],
    [
      'a system message at the start',
      [{ role: 'system', content: 'x' }, user(HI)],
      'messages: first message must use the "user" role',
    ],
    [
      'a system message behind an answer',
      [user(HI), assistant(HI), { role: 'system', content: 'x' }],
      /must follow a "user" message/,
    ],
    [
      'a system message before a person',
      [user(HI), { role: 'system', content: 'x' }, user(HI)],
      /must be the last message or be followed/,
    ],
    [
      'a picture in a system message',
      [user(HI), { role: 'system', content: [{ type: 'image', source: { type: 'url', url: 'x' } }] }],
      /`image` blocks can only be in `user` messages$/,
    ],
  ]
  it.each(refused)('may not be %s', (_what, messages, fault) => {
    expect(faultOf(...messages)).toEqual(asSentence(fault))
  })

  it('have a summary first with its beta, and further fields of system messages with theirs', () => {
    const summary = [assistant({ type: 'compaction', content: 'x', encrypted_content: 'y' }), user(HI)]
    expect(contentFault(summary, SONNET!, ['compact-2026-09-04'])).toBeNull()
    const cleared = [user(HI), { role: 'system', content: 'x', clear_at: 'next_user_message' }]
    expect(contentFault(cleared, SONNET!, [])).toBe('messages.1.clear_at: Extra inputs are not permitted')
    expect(contentFault(cleared, SONNET!, ['mid-conversation-system-clear-at-2026-08-21'])).toBeNull()
  })

  it('have no system message with a model that takes none', () => {
    const messages = [user(HI), { role: 'system', content: 'Be brief.' }]
    expect(contentFault(messages, HAIKU_4_5!, [])).toMatch(/^messages: Unexpected role "system"/)
  })
})

describe('the system prompt', () => {
  it.each([
    [undefined, null],
    ['Be kind.', null],
    [[text('Be kind.')], null],
    [5, 'system: Input should be a valid string or a valid list'],
    [[{ type: 'image' }], 'system.0: Input should be a text block'],
    [[text('')], 'system: text content blocks must be non-empty'],
    [[text(' ')], 'system: text content blocks must contain non-whitespace text'],
  ])('%j gives %j', (system, fault) => {
    expect(systemPromptFault(system)).toBe(fault)
  })
})
