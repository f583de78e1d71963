import { describe, expect, it } from 'vitest'
import { Secret } from '../support/secret.ts'
import { readPaste } from './read-paste.ts'

describe('a paste', () => {
  const state = new Secret('state-TEST-abcdefghijklmnopqrstuvwxyz0123456')

  const half = (text: string) => [text.slice(0, 20), text.slice(20)] as const
  const [begin, end] = half(state.reveal())

  it.each([
    ['code#state', `code-TEST#${state.reveal()}`],
    ['code#state in white space', `  code-TEST#${state.reveal()}\r\n`],
    [
      'the redirect address',
      `https://platform.test/oauth/code/callback?code=code-TEST&state=${state.reveal()}`,
    ],
    ['a loopback address', `http://localhost:8642/callback?state=${state.reveal()}&code=code-TEST`],
    [
      'an address with the state in its fragment',
      `https://platform.test/cb?code=code-TEST#${state.reveal()}`,
    ],
    ['the same twice', `code-TEST#${state.reveal()}\ncode-TEST#${state.reveal()}`],
    ['code#state in a sentence', `Here it is: code-TEST#${state.reveal()}, thanks!`],
    ['code#state behind a label', `Code:code-TEST#${state.reveal()}`],
    ['code#state in a code block', `\`\`\`\ncode-TEST#${state.reveal()}\n\`\`\``],
    ['code#state in bold', `**code-TEST#${state.reveal()}**`],
    ['code#state in italics', `_code-TEST#${state.reveal()}_`],
    ['code#state underlined', `__code-TEST#${state.reveal()}__`],
    ['code#state with its mark as an address spells it', `code-TEST%23${state.reveal()}`],
    ['code#state with a wide mark', `code-TEST＃${state.reveal()}`],
    ['code#state with escapes', `code-TEST\\#${state.reveal()}`],
    ['fields of JSON', `{"code":"code-TEST","state":"${state.reveal()}"}`],
    [
      'an address within an address',
      `https://platform.test/login?next=https%3A%2F%2Fplatform.test%2Fcb%3Fcode%3Dcode-TEST%26state%3D${state.reveal()}`,
    ],
    ['code#state as a spoiler', `||code-TEST#${state.reveal()}||`],
    ['code#state with invisible characters', `\u200Bcode-\u00adTEST#${state.reveal()}\u2060`],
    ['spaces around the #', `code-TEST # ${state.reveal()}`],
    ['a state that a terminal broke', `code-TEST#${begin}\n${end}`],
    ['code and state on their own lines', `Code: code-TEST\nState: ${state.reveal()}`],
    ['parameters alone', `code=code-TEST&state=${state.reveal()}`],
    ['an address in brackets', `(see <https://platform.test/cb?code=code-TEST&state=${state.reveal()}>)`],
    ['an address as a link', `[done](https://platform.test/cb?code=code-TEST&state=${state.reveal()})`],
    ['an address of Slack', `<https://platform.test/cb?code=code-TEST&amp;state=${state.reveal()}|here>`],
    ['an address that was broken', `https://platform.test/cb?code=code-TEST&state=${begin}\n  ${end} ok?`],
    ['words behind an address', `https://platform.test/cb?state=${state.reveal()}&code=code-TEST thank you`],
  ])('as %s gives the code', (_what, paste) => {
    const read = readPaste(paste, state)
    expect(read.kind === 'code' && read.code.reveal()).toBe('code-TEST')
  })

  it('whose code a terminal broke is put together again, and words before it are not', () => {
    const read = (paste: string) => {
      const found = readPaste(paste, state)
      return found.kind === 'code' ? found.code.reveal() : found.message
    }
    expect(read(`TESTab12cd\nef34TEST#${state.reveal()}`)).toBe('TESTab12cdef34TEST')
    expect(read(`my code is\nef34TEST#${state.reveal()}`)).toBe('ef34TEST')
  })

  it.each([
    ['nothing', '   ', 'empty'],
    ['a bare code', 'code-TEST', 'no-state'],
    ['a bare code in quotes', '"TESTcode123456789"', 'no-state'],
    ['a code with an empty state', 'code-TEST#', 'no-state'],
    ['an address without state', 'https://platform.test/cb?code=code-TEST', 'no-state'],
    ['another sign-in’s state', 'code-TEST#state-TEST-other', 'wrong-state'],
    ['a state that only begins right', `code-TEST#${state.reveal().slice(0, -1)}`, 'wrong-state'],
    ['a state with trailing characters', `code-TEST#${state.reveal()}x`, 'wrong-state'],
    ['two states', `code-TEST#${state.reveal()}#${state.reveal()}`, 'unreadable'],
    ['a state alone', `#${state.reveal()}`, 'unreadable'],
    ['a state without its mark', state.reveal(), 'unreadable'],
    ['two codes', `code-TEST#${state.reveal()}\nother-TEST1#${state.reveal()}`, 'unreadable'],
    ['a word', 'rubbish', 'unreadable'],
    ['a question', 'What does C# mean, and what is issue#42?', 'unreadable'],
    [
      'an address that says no',
      `https://platform.test/cb?error=access_denied&state=${state.reveal()}`,
      'denied',
    ],
    ['a token', 'sk-ant-oat01-TEST-pasted-by-mistake', 'token'],
  ])('of %s is refused in a sentence that repeats nothing of it', (_what, paste, problem) => {
    const read = readPaste(paste, state)
    expect(read).toMatchObject({ kind: 'refused', problem })
    expect(read.kind === 'refused' && read.message).toMatch(/^[A-Z].*\.$/)
    expect(JSON.stringify(read)).not.toContain('TEST')
  })

  it.each(['a', '#', ' ', 'code=', 'http://', '_', 'a1 ', '(', 'a#b '])(
    'of 64 KiB of %j is read in a moment',
    (filler) => {
      const before = process.cpuUsage().user
      readPaste(filler.repeat(65_536 / filler.length), state)
      expect((process.cpuUsage().user - before) / 1_000).toBeLessThan(500)
    },
  )
})
