import { expect, test } from 'vitest'
import { CONFIG } from '../config.ts'
import { splitForeignKeys } from './foreign-keys.ts'

test('a section of both programs keeps our keys, and loses those of the other alone', () => {
  const file = {
    tools: { tool_search: { enabled: 'auto' }, limits: { steps: 3 }, limit: {} },
    toolsets: ['all'],
  }
  expect(splitForeignKeys(file, CONFIG.keys!)).toEqual({
    // What nobody knows stays, to be refused.
    own: { tools: { limits: { steps: 3 }, limit: {} } },
    ignored: ['toolsets', 'tools.tool_search'],
  })
})
