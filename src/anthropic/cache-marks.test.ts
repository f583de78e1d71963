import type { ContentBlockParam } from '@anthropic-ai/sdk/resources/messages'
import { expect, test } from 'vitest'
import type { ModelMessage, ModelRequest, PromptCaching } from '../conversation/model.ts'
import { decideCacheMarks, markPrompt, type Prompt } from './cache-marks.ts'
import { promptOf } from './prompt.ts'

const text = (words: string) => ({ type: 'text' as const, text: words })
const user = (...blocks: ContentBlockParam[]) => ({
  role: 'user' as const,
  content: blocks,
})
const assistant = (...blocks: ContentBlockParam[]) => ({
  role: 'assistant' as const,
  content: blocks,
})
const thinking = { type: 'thinking' as const, thinking: 'hm', signature: 's' }
const redacted = { type: 'redacted_thinking' as const, data: 'd' }
const picture = {
  type: 'image' as const,
  source: { type: 'base64' as const, media_type: 'image/png' as const, data: 'AQ==' },
}

const names = (prompt: Prompt, scope: PromptCaching['scope'] = 'conversation') =>
  decideCacheMarks(prompt, scope).map((place) =>
    place.part === 'system' ? `system ${place.block}` : `${place.message}.${place.block}`,
  )

test.each<[string, Prompt, string[]]>([
  ['the first question', { system: [], messages: [user(text('a'))] }, ['0.0']],
  ['one with a system prompt', { system: [text('s')], messages: [user(text('a'))] }, ['system 0', '0.0']],
  [
    'a later one: the newest message, and the newest of the request before',
    {
      system: [text('s'), text('own')],
      messages: [
        user(text('a')),
        assistant(text('b')),
        user(text('c')),
        assistant(text('d')),
        user(text('e')),
      ],
    },
    ['system 0', 'system 1', '2.0', '4.0'],
  ],
  [
    'the last block of each',
    { system: [], messages: [user(picture, text('a')), assistant(text('b')), user(text('c'), picture)] },
    ['0.1', '2.1'],
  ],
  [
    'neither thinking nor an empty text',
    {
      system: [text('s'), text('')],
      messages: [user(picture, text('')), assistant(thinking), user(text('c'), thinking, redacted)],
    },
    ['system 0', '0.0', '2.0'],
  ],
  ['nothing where there is nothing to mark', { system: [], messages: [user(text(''))] }, []],
  [
    'no more than four',
    {
      system: [text('1'), text('2'), text('3')],
      messages: [user(text('a')), assistant(text('b')), user(text('c'))],
    },
    ['system 1', 'system 2', '0.0', '2.0'],
  ],
])('%s', (_, prompt, places) => {
  expect(names(prompt)).toEqual(places)
})

test('of a prompt whose messages will not come again only the system prompt is marked', () => {
  expect(names({ system: [text('s')], messages: [user(text('a'))] }, 'system')).toEqual(['system 0'])
})

test('all breakpoints of a request live equally long, and nothing else changes', () => {
  const prompt = {
    system: [text('s')],
    messages: [user(text('a')), assistant(text('b')), user(picture, text('c'))],
  }
  const before = structuredClone(prompt)
  const mark = { cache_control: { type: 'ephemeral', ttl: '1h' } }
  expect(markPrompt(prompt, { ttl: '1h', scope: 'conversation' })).toEqual({
    system: [{ ...text('s'), ...mark }],
    messages: [
      user({ ...text('a'), ...mark } as never),
      assistant(text('b')),
      user(picture, { ...text('c'), ...mark } as never),
    ],
  })
  expect(prompt).toEqual(before)
})

const said = (role: ModelMessage['role'], words: string): ModelMessage => ({
  role,
  text: words,
  attachments: [],
})

/** The turns of a conversation, and the questions of the next two. */
function requests(turns: number): readonly [ModelRequest, ModelRequest] {
  const messages = Array.from({ length: turns }, (_, turn) => [
    said('user', `question ${turn}`),
    said('assistant', `answer ${turn}`),
  ]).flat()
  const more = [said('user', 'now'), said('assistant', 'then'), said('user', 'next')]
  const request = (given: readonly ModelMessage[]): ModelRequest => ({
    model: 'm',
    maxTokens: 1,
    system: 's',
    messages: [...messages, ...given],
    cache: { ttl: '5m', scope: 'conversation' },
  })
  return [request(more.slice(0, 1)), request(more)]
}

test.each([0, 1, 2, 30])(
  'after %i turns, the last mark of a request is the one before the last of the next request',
  (turns) => {
    const [first, second] = requests(turns).map((request) => {
      const marked = promptOf(request).messages.flatMap(({ content }, message) =>
        (content as object[]).flatMap((block, index) =>
          'cache_control' in block ? [`${message}.${index}`] : [],
        ),
      )
      return marked
    })
    expect(second!.at(-2)).toBe(first!.at(-1))
    expect(second).toHaveLength(2)
  },
)

test('what is not cached is sent as plain text, the parts of the system prompt as one', () => {
  const request = { ...requests(1)[0], chatSystem: 'own', cache: null }
  expect(promptOf(request)).toEqual({
    system: 's\n\nown',
    messages: [
      { role: 'user', content: 'question 0' },
      { role: 'assistant', content: 'answer 0' },
      { role: 'user', content: 'now' },
    ],
  })
  expect(promptOf({ ...request, system: null, chatSystem: null })).not.toHaveProperty('system')
})
