import { describe, expect, it } from 'vitest'
import { looksLikeSignInPaste, tokenShapeProblem } from './token-shape.ts'

const state = 'kX3v9QmT2c-LwR_8yZpA7bN1dE5fG6hJ0iU4oS2tVxY'

describe('tokenShapeProblem', () => {
  it.each([
    'sk-ant-api03-TEST-key_0123456789',
    'sk-ant-oat01-TEST-access_0123456789',
    'sk-litellm-TEST-1234',
    'TEST.jwt-like.value_0=',
  ])('finds nothing wrong with %s', (value) => {
    expect(tokenShapeProblem(value)).toBeNull()
  })

  it.each([
    ['', /is empty/],
    ['   ', /is empty/],
    ['sk-ant-oat01-TEST 123456', /white space/],
    ['sk-ant-oat01-TEST123456\n', /white space/],
    ['Bearer sk-ant-oat01-TEST123456', /white space/],
    ['"sk-ant-oat01-TEST123456"', /quotation marks/],
    ['“sk-ant-oat01-TEST123456”', /quotation marks/],
    ['„sk-ant-oat01-TEST123456“', /quotation marks/],
    ['«sk-ant-oat01-TEST123456»', /quotation marks/],
    ['sk-ant-oat01-TEST123456’', /quotation marks/],
    ['{"key":"sk-ant-oat01-TEST123456"}', /quotation marks/],
    ['{"key": "sk-ant-oat01-TEST123456"}', /quotation marks/],
    ['ANTHROPIC_API_KEY=sk-ant-oat01-TEST123456', /in front of the token/],
    [`TESTcode123#${state}`, /code#state.*hermes auth login --headless/],
    [`https://platform.claude.com/oauth/code/callback?code=TEST&state=${state}`, /an address/],
    ['sk-ant-ort01-TEST-refresh_0123456789', /refresh token/],
    ['sk-ant-oat01-TEST123sk-ant-oat01-TEST123', /two tokens/],
    ['TEST-proxy-key-0123456789TEST-proxy-key-0123456789', /two tokens/],
    ['sk-ant-oat01-TEST123456,', /punctuation mark/],
    ['sk-ant-oat01-TEST123456;', /punctuation mark/],
    ['sk-ant-api03-TEST...', /punctuation mark/],
    ['sk-ant-oat01-TEST…123', /a character that no token has/],
  ])('refuses %j with a hint', (value, hint) => {
    expect(tokenShapeProblem(value)).toMatch(hint)
  })

  it('never repeats the value in its sentence', () => {
    for (const value of ['sk-ant-ort01-TESTsecretvalue', `TESTsecretvalue#${state}`, 'x TESTsecretvalue']) {
      expect(tokenShapeProblem(value)).not.toContain('TESTsecretvalue')
    }
  })
})

describe('looksLikeSignInPaste', () => {
  it.each([
    `TESTcode-9aB3_xyz#${state}`,
    `  TESTcode-9aB3_xyz#${state}\n`,
    'abc123#xyz789',
    'TEST-code-value#TEST-state-value',
    'TESTCODE1234#WRONGSTATE',
    `here it is: TESTcode-9aB3_xyz#${state}`,
    `code: TESTcode9aB3xyz#${state}.`,
    `code=TESTcode9aB3xyz#${state}`,
    `\`TESTcode9aB3xyz#${state}\``,
    'my code is abc123DEF456#xyz789GHI012 thanks',
    `the terminal broke it TESTco\nde9aB3xyz#${state}`,
    `TESTcode-9aB3_xyz # ${state}`,
    `TEST\u200Bcode9aB3xyz#${state}`,
    `https://platform.claude.com/oauth/code/callback?code=TESTcode123&state=${state}`,
    `http://localhost:54545/callback?code=TESTcode123&state=${state}`,
    `platform.claude.com/oauth/code/callback?state=${state}&code=TESTcode123`,
    `<https://platform.claude.com/oauth/code/callback?code=TESTcode123&amp;state=${state}>`,
    `https://platform.claude.com/oauth/code/callback?code=TESTcode123#${state}`,
    'https://platform.claude.com/oauth/code/callback?code=TESTcode123',
    `code=TESTcode123&state=${state}`,
    'I got this http://127.0.0.1:8642/cb?state=abcd1234&code=efgh5678 now what',
    'sk-ant-api03-TESTabcdefgh',
    'my key is sk-ant-oat01-TEST_123456789 is that fine?',
    'sk-ant-ort01-TEST_123456789',
    'SK-ANT-OAT01-TEST_123456789',
    'sk-ant-oat01-TE\u200BST_123456789',
    'export ANTHROPIC_API_KEY="sk-ant-api03-TESTabcdefgh"',
    `(**${'TESTcode-9aB3_xyz'}#${state}**).`,
    'x?a=b&code=TESTcode1#TESTstate',
    // As people, phones and programs dress it.
    ...[
      '||%||',
      '~~%~~',
      '„%“',
      '“%”',
      '‘%’',
      '🔑%🔑',
      '<code>%</code>',
      '<b><i>%</i></b>',
      'here,%',
      'code:(%),',
      '{"paste":"%"}',
      '请看%谢谢',
      '\\%\\',
      '→ % ←',
    ].map((dress) => dress.replace('%', `TESTcode-9aB3_xyz#${state}`)),
    `TESTcode-9aB3_xyz%23${state}`,
    `TESTcode-9aB3_xyz＃${state}`,
    `TESTcode-9aB3_xyz\\#${state}`,
    `TEST\u{e0041}code-9aB3_xyz#\u2063${state}`,
    `https://claude.ai/login?next=https%3A%2F%2Fplatform.claude.com%2Foauth%2Fcode%2Fcallback%3Fcode%3DTESTcode123%26state%3D${state}`,
    `state: ${state}\ncode: TESTcode-9aB3_xyz`,
    `{"code":"TESTcode-9aB3_xyz","state":"${state}"}`,
    'sk‑ant‑api03‑TESTabcdefgh',
    'sk\\-ant\\-api03\\-TESTabcdefgh',
    'sk-ant-\u{e0001}api03-TESTabcdefgh',
    'sk-ant-api03-\nTESTabcdefgh0123456789',
    'sk-ant-\noat01-TESTabcdefgh0123456789',
    'sk-ant-oat01-**TESTabcdefgh0123456789**',
  ])('recognises %j', (text) => {
    expect(looksLikeSignInPaste(text)).toBe(true)
  })

  it.each([
    '',
    'Hello',
    'C#',
    'I write C# and F# all day',
    'C#12 is out',
    'foo#bar',
    '#hashtag',
    '# A heading\n\nand text',
    '##Heading',
    'issue#42',
    'repository#12345678',
    'PR#1234567890',
    'owner/repo#42',
    'see owner/repo#1234567 please',
    'https://github.com/owner/repo/issues/42#issuecomment-1234567890',
    'https://github.com/owner/repo/commit/0a1b2c3d4e5f60718293#diff-0a1b2c3d4e5f6071',
    'https://example.org/docs/page.html#installation-guide-2024',
    'String#to_sym',
    'What does Array#flat_map do?',
    'Is ActiveRecord#find_or_create_by thread-safe?',
    'ActiveRecord::Base#find_each',
    'README#installation',
    'colour#ff0000',
    'the background is #1a2b3c4d',
    'room#general',
    'error code=42 state=running',
    'https://shop.example/?code=SUMMER2026',
    'https://shop.example/?state=CA&zip=94110',
    'The state code is CA; what is the zip code?',
    'What is an sk-ant-oat token?',
    'Tokens begin with sk-ant-api03 or sk-ant-oat01.',
    'sk-ant-…',
    'task #1234567890123456 and #6543210987654321',
    'git log --oneline 0a1b2c3d4e5f60718293 # the first one',
    'version1234567890ab # a comment about something',
    'E = mc^2 #physics #science2026',
    'The keys begin with `sk-ant-api03-` and nothing else',
    'sk-ant-api03- is followed by letters and digits',
    'a{color:#fff000;background:#1a2b3c4d}',
    'div#main-content,span#side-content{}',
    'Array#flat_map(block)|Array#each_slice',
    '见 owner/repo#42（以及 README#installation）',
    '{"code": 42, "state": "running"}',
    'status_code: 1234567890abcdef1234 state: on',
    '100%23 off',
  ])('leaves %j alone', (text) => {
    expect(looksLikeSignInPaste(text)).toBe(false)
  })
})
