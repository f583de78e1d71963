import { describe, expect, it } from 'vitest'
import { asSentence } from '../../../../test/support/as-sentence.ts'
import { cacheMarkFault } from './cache-marks.ts'

const mark = (ttl?: string) => ({ cache_control: { type: 'ephemeral', ...(ttl ? { ttl } : {}) } })
const text = (more: object = {}) => ({ type: 'text', text: 'hi', ...more })
const request = (more: object, ...blocks: object[]) => ({
  ...more,
  messages: [{ role: 'user', content: blocks.length > 0 ? blocks : [text()] }],
})
const tool = (more: object = {}) => ({ name: 'a', input_schema: { type: 'object' }, ...more })

describe('the marks of the cache', () => {
  it.each<readonly [string, ReturnType<typeof request>, string | RegExp | null]>([
    ['none', request({}), null],
    ['empty ones', request({ cache_control: null }, text({ cache_control: null })), null],
    ['four', request({ tools: [tool(mark())], system: [text(mark())] }, text(mark()), text(mark())), null],
    [
      'five',
      request({ tools: [tool(mark())], system: [text(mark()), text(mark())] }, text(mark()), text(mark())),
      'A maximum of 4 blocks with cache_control may be provided. Found 5.',
    ],
    [
      'three and one of the top level',
      request({ ...mark() }, text(mark()), text(mark()), text(mark()), text()),
      null,
    ],
    [
      'four and one of the top level',
      request({ ...mark() }, text(mark()), text(mark()), text(mark()), text(mark()), text()),
      /Found 5\.$/,
    ],
    [
      'four, the last of them as the top level',
      request({ ...mark() }, text(mark()), text(mark()), text(mark()), text(mark())),
      null,
    ],
    [
      'another life at the top level',
      request({ ...mark('1h') }, text(mark())),
      /^messages\.0\.content\.0\.cache_control\.ttl: the last block has a ttl other/,
    ],
    [
      'another type',
      request({}, text({ cache_control: { type: 'permanent' } })),
      "messages.0.content.0.cache_control.type: Input should be 'ephemeral'",
    ],
    [
      'another type at the top level',
      request({ cache_control: { type: 'x' } }),
      "cache_control.type: Input should be 'ephemeral'",
    ],
    [
      'another life',
      request({ system: [text(mark('2h'))] }),
      "system.0.cache_control.ttl: Input should be '5m' or '1h'",
    ],
    [
      'no object',
      request({ tools: [tool({ cache_control: true })] }),
      'tools.0.cache_control: Input should be an object',
    ],
    ['the longer life first', request({ system: [text(mark('1h'))] }, text(mark())), null],
    [
      'the longer life last',
      request({ tools: [tool(mark())], system: [text(mark('1h'))] }),
      /^system\.0\.cache_control\.ttl: a ttl='1h' cache_control block must not come after a ttl='5m'/,
    ],
    [
      'the longer life at the top level',
      request({ ...mark('1h') }, text(mark('5m')), text()),
      /^cache_control\.ttl: a ttl='1h'/,
    ],
    [
      'five with those inside of a result',
      request(
        {},
        {
          type: 'tool_result',
          tool_use_id: 'a',
          content: [text(mark()), text(mark()), text(mark())],
          ...mark(),
        },
        text(mark()),
      ),
      /Found 5\.$/,
    ],
  ])('%s', (_what, body, fault) => {
    const found = cacheMarkFault(body, body.messages)
    expect(found).toEqual(asSentence(fault))
  })
})
