import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../../../test/support/fake-clock.ts'
import { HOUR, MINUTE } from '../../../support/clock.ts'
import type { Block, RequestMessage } from '../content.ts'
import { simulatedModel, SIMULATED_MODELS } from '../model-table.ts'
import { PromptCache } from './prompt-cache.ts'
import { promptParts } from './prompt-parts.ts'

const MODEL = simulatedModel(SIMULATED_MODELS, 'claude-opus-5-5')!
/** A little more than Opus caches at least. */
const LONG = 'word '.repeat(450)
const LONG_TOKENS = 563
const MARK = { cache_control: { type: 'ephemeral' } }
const MARK_1H = { cache_control: { type: 'ephemeral', ttl: '1h' } }
const text = (value: string, more: object = {}) => ({ type: 'text', text: value, ...more })
const user = (...content: object[]) => ({ role: 'user', content })
const assistant = (...content: object[]) => ({ role: 'assistant', content })
const tool = (more: object = {}) => ({
  name: 'a',
  description: LONG,
  input_schema: { type: 'object' },
  ...more,
})
const PICTURE = { type: 'image', source: { type: 'url', url: 'https://a.example/b.png' } }

interface Asked {
  readonly json?: object
  readonly messages?: readonly RequestMessage[]
  readonly organization?: string
  readonly model?: typeof MODEL
  readonly dropped?: ReadonlySet<Block>
}

function cacheOf(clock = new FakeClock()) {
  const cache = new PromptCache(clock)
  const look = ({
    json = {},
    messages = [user(text('hi'))],
    organization = 'org',
    model = MODEL,
    dropped = new Set(),
  }: Asked) => {
    const parts = promptParts({ json: { ...json }, messages, model, organization, dropped })
    return cache.use(parts, model.rules.minCachedTokens)
  }
  /** Asks and is answered at once. */
  const ask = (asked: Asked) => {
    const { begin, ...use } = look(asked)
    begin()
    return use
  }
  return { clock, look, ask }
}

const SYSTEM = { system: [text(LONG, MARK)] }

describe('the prompt cache', () => {
  it('is written at a mark and read by the same prefix, whatever follows', () => {
    const { ask } = cacheOf()
    const first = ask({ json: SYSTEM })
    expect(first).toEqual({ read: 0, written5m: first.written5m, written1h: 0 })
    expect(first.written5m).toBeGreaterThanOrEqual(LONG_TOKENS)
    const again = ask({ json: SYSTEM, messages: [user(text('something else'))] })
    expect(again).toEqual({ read: first.written5m, written5m: 0, written1h: 0 })
  })

  it('writes nothing without a mark, and nothing where the prefix is too short', () => {
    const { ask } = cacheOf()
    const nothing = { read: 0, written5m: 0, written1h: 0 }
    expect(ask({ json: { system: LONG } })).toEqual(nothing)
    expect(ask({ json: { system: [text('short', MARK)] } })).toEqual(nothing)
    expect(ask({ json: { system: [text('short', MARK)] } })).toEqual(nothing)
    const haiku = simulatedModel(SIMULATED_MODELS, 'claude-haiku-4-5')!
    ask({ json: SYSTEM, model: haiku })
    expect(ask({ json: SYSTEM, model: haiku })).toEqual(nothing)
  })

  it('is found by a mark that has moved on, and only what is new is written', () => {
    const { ask } = cacheOf()
    const messages = [user(text(LONG, MARK))]
    const first = ask({ messages })
    const more = [user(text(LONG)), assistant(text('yes')), user(text(LONG, MARK))]
    const second = ask({ messages: more })
    expect(second.read).toBe(first.written5m)
    expect(second.written5m).toBeGreaterThanOrEqual(LONG_TOKENS)
    expect(ask({ messages: more }).read).toBe(second.read + second.written5m)
  })

  it('moves forward with a mark at the top level', () => {
    const { ask } = cacheOf()
    const first = ask({ json: MARK, messages: [user(text(LONG))] })
    const second = ask({
      json: MARK,
      messages: [user(text(LONG)), assistant(text('yes')), user(text('more'))],
    })
    expect(second.read).toBe(first.written5m)
  })

  it.each([
    [17, true],
    [18, true],
    [19, false],
  ])('looks 20 positions back, its own included: %i blocks between', (between, found) => {
    const { ask } = cacheOf()
    ask({ messages: [user(text(LONG, MARK))] })
    const blocks = Array.from({ length: between }, (_, index) => text(`block ${index}`))
    const more = [user(text(LONG)), assistant(...blocks), user(text('end', MARK))]
    expect(ask({ messages: more }).read > 0).toBe(found)
  })

  it('counts a run of calls and a run of results as one position each', () => {
    const { ask } = cacheOf()
    ask({ messages: [user(text(LONG, MARK))] })
    const ids = Array.from({ length: 30 }, (_, index) => `toolu_${index}`)
    const calls = ids.map((id) => ({ type: 'tool_use', id, name: 'a', input: {} }))
    const results = ids.map((id) => ({ type: 'tool_result', tool_use_id: id }))
    const more = [
      user(text(LONG)),
      assistant(...calls),
      user(...results.slice(1), { ...results[0]!, ...MARK }),
    ]
    expect(ask({ messages: more }).read).toBeGreaterThan(0)
  })

  it('counts the longer life apart', () => {
    const { ask } = cacheOf()
    const use = ask({ json: { system: [text(LONG, MARK_1H)] }, messages: [user(text(LONG, MARK))] })
    expect(use.written1h).toBeGreaterThanOrEqual(LONG_TOKENS)
    expect(use.written5m).toBeGreaterThanOrEqual(LONG_TOKENS)
  })

  it('lives five minutes or an hour from the start of the request that used it last', () => {
    for (const [mark, life] of [
      [MARK, 5 * MINUTE],
      [MARK_1H, HOUR],
    ] as const) {
      const { clock, ask } = cacheOf()
      const asked = { json: { system: [text(LONG, mark)] } }
      ask(asked)
      clock.jump(life - 1)
      expect(ask(asked).read).toBeGreaterThan(0)
      clock.jump(life - 1)
      expect(ask(asked).read).toBeGreaterThan(0)
      clock.jump(life)
      expect(ask(asked).read).toBe(0)
    }
  })

  it('is not found before the first answer has begun', () => {
    const { look } = cacheOf()
    const [first, second] = [look({ json: SYSTEM }), look({ json: SYSTEM })]
    expect(second.read).toBe(0)
    first.begin()
    expect(look({ json: SYSTEM }).read).toBeGreaterThan(0)
  })

  it.each([
    [4 * MINUTE - 1, true],
    [4 * MINUTE, false],
  ])('has lived a minute when an answer begins after one: %i ms later', (later, found) => {
    const { clock, look } = cacheOf()
    const first = look({ json: SYSTEM })
    clock.jump(MINUTE)
    first.begin()
    clock.jump(later)
    expect(look({ json: SYSTEM }).read > 0).toBe(found)
  })

  it('is not shared by organizations and models', () => {
    const { ask } = cacheOf()
    ask({ json: SYSTEM })
    expect(ask({ json: SYSTEM, organization: 'other' }).read).toBe(0)
    const sonnet = simulatedModel(SIMULATED_MODELS, 'claude-sonnet-5-5')!
    expect(ask({ json: SYSTEM, model: { ...MODEL, id: sonnet.id } }).read).toBe(0)
  })

  it('lasts through a result of a server tool, which is a mark of its own', () => {
    const { ask } = cacheOf()
    const found = { type: 'web_search_tool_result', tool_use_id: 's1', content: [{ text: LONG }] }
    const messages = [user(text('hi')), assistant(found, text('I see.')), user(text('next'))]
    const first = ask({ json: SYSTEM, messages })
    expect(first.written5m).toBeGreaterThanOrEqual(2 * LONG_TOKENS)
    expect(ask({ json: {}, messages })).toEqual({ read: 0, written5m: 0, written1h: 0 })
  })

  /** What a change leaves of a cache with a mark in each part. */
  const before = {
    json: { tools: [tool(MARK)], system: [text(LONG, MARK)] },
    messages: [user(text(LONG, MARK))],
  }
  const json = (more: object) => ({ ...before, json: { ...before.json, ...more } })
  it.each<readonly [string, Asked, number]>([
    ['nothing', before, 3],
    [
      'a default that is written out',
      json({
        output_config: { effort: 'medium' },
        thinking: { type: 'adaptive' },
        tool_choice: { type: 'auto' },
        speed: 'standard',
      }),
      3,
    ],
    ['the text of a tool', json({ tools: [tool({ ...MARK, description: `${LONG}!` })] }), 0],
    [
      'the order of keys',
      json({ tools: [{ input_schema: { type: 'object' }, name: 'a', description: LONG, ...MARK }] }),
      0,
    ],
    ['the system prompt', json({ system: [text(`${LONG}!`, MARK)] }), 1],
    [
      'search on the web',
      json({ tools: [tool(MARK), { type: 'web_search_20260318', name: 'web_search' }] }),
      1,
    ],
    ['the speed', json({ speed: 'fast' }), 1],
    [
      'citations',
      {
        ...before,
        messages: [
          user(text(LONG, MARK), {
            type: 'document',
            source: { type: 'text', data: 'x' },
            citations: { enabled: true },
          }),
        ],
      },
      1,
    ],
    ['the choice of tools', json({ tool_choice: { type: 'none' } }), 2],
    ['one call at a time', json({ tool_choice: { type: 'auto', disable_parallel_tool_use: true } }), 2],
    ['thinking', json({ thinking: { type: 'between_tools' } }), 2],
    ['the effort', json({ output_config: { effort: 'low' } }), 2],
    ['the format', json({ output_config: { format: { type: 'json_schema', schema: {} } } }), 2],
    ['a picture anywhere', { ...before, messages: [user(text(LONG, MARK), PICTURE)] }, 2],
    ['an edited message', { ...before, messages: [user(text(`${LONG}!`, MARK))] }, 2],
  ])('keeps what stands before a change of %s', (_what, after, parts) => {
    const { ask } = cacheOf()
    ask(before)
    const { read } = ask(after)
    expect(Math.floor(read / LONG_TOKENS)).toBe(parts)
  })

  it('does not know thinking that was dropped', () => {
    const { ask } = cacheOf()
    const thought = { type: 'thinking', thinking: 'hm', signature: 's' }
    const messages = [user(text(LONG)), assistant(thought, text('yes')), user(text('more', MARK))]
    const first = ask({ messages })
    expect(ask({ messages, dropped: new Set([thought]) }).read).toBe(0)
    expect(ask({ messages }).read).toBe(first.written5m)
  })
})
