import { resolve } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { ENVIRONMENT_KEYS } from './environment-keys.ts'
import { readEnvironment } from './environment.ts'

const TOKEN = 'sk-ant-oat01-TEST-environment'

describe('readEnvironment', () => {
  it('knows nothing where nothing is set', () => {
    const { environment, problems, warnings } = readEnvironment({}, {})
    expect(problems).toEqual([])
    expect(warnings).toEqual([])
    expect(environment.telegram).toEqual({
      botToken: null,
      allowedUsers: null,
      groupAllowedChats: null,
      homeChannel: null,
      requireMention: null,
    })
    expect(environment.gateway).toEqual({ allowedUsers: null, allowAllUsers: false })
    expect(environment.origins.size).toBe(0)
  })

  it('lets the process environment win over .env, and tells which of them it was', () => {
    const { environment } = readEnvironment(
      { ANTHROPIC_API_KEY: 'sk-ant-api03-TEST-file', TELEGRAM_BOT_TOKEN: '123:TEST' },
      { ANTHROPIC_API_KEY: TOKEN },
    )
    expect(environment.anthropic.apiKey?.reveal()).toBe(TOKEN)
    expect(environment.origins.get('ANTHROPIC_API_KEY')).toBe('process environment')
    expect(environment.origins.get('TELEGRAM_BOT_TOKEN')).toBe('.env')
  })

  it('takes an empty variable for one that is not set, so that .env still counts', () => {
    const { environment } = readEnvironment({ ANTHROPIC_TOKEN: TOKEN }, { ANTHROPIC_TOKEN: '' })
    expect(environment.anthropic.token?.reveal()).toBe(TOKEN)
  })

  it('reads every one of its variables', () => {
    const values: Record<string, string> = Object.fromEntries(ENVIRONMENT_KEYS.map((key) => [key, '12345']))
    const { environment, problems } = readEnvironment(
      {
        ...values,
        ANTHROPIC_BASE_URL: 'https://proxy.example.org/',
        MATRIX_HOMESERVER: 'https://matrix.example.org',
        MATRIX_ALLOWED_USERS: '@ada:example.org',
        SLACK_ALLOWED_USERS: 'U012AB3CD',
        EMAIL_ALLOWED_USERS: 'ada@example.org',
        HTTPS_PROXY: 'http://u:p@proxy.example.org:3128',
        EMAIL_ADDRESS: 'bot@example.org',
        TELEGRAM_REQUIRE_MENTION: 'false',
        GATEWAY_ALLOW_ALL_USERS: 'yes',
      },
      {},
    )
    expect(problems).toEqual([])
    expect([...environment.origins.keys()].toSorted()).toEqual(ENVIRONMENT_KEYS.toSorted())
    expect(environment.anthropic.baseUrl).toBe('https://proxy.example.org')
    expect(environment.telegram.requireMention).toBe(false)
    expect(environment.gateway.allowAllUsers).toBe(true)
  })

  it.each([
    [{}, null],
    [{ CLAUDE_CONFIG_DIR: '/claude' }, '/claude'],
    [{ CLAUDE_CONFIG_DIR: '/claude', CLAUDE_SECURESTORAGE_CONFIG_DIR: '/apart' }, '/apart'],
    [{ CLAUDE_SECURESTORAGE_CONFIG_DIR: '/apart' }, '/apart'],
    [{ CLAUDE_CONFIG_DIR: '~/.claude', HOME: '/home/ada' }, '/home/ada/.claude'],
    [{ CLAUDE_SECURESTORAGE_CONFIG_DIR: '~', HOME: '/home/ada' }, '/home/ada'],
    [{ CLAUDE_CONFIG_DIR: '~bob/x', HOME: '/home/ada' }, resolve('~bob/x')],
    [{ CLAUDE_CONFIG_DIR: '.claude', HOME: '/home/ada' }, resolve('.claude')],
    [{ CLAUDE_SECURESTORAGE_CONFIG_DIR: '/home/ada/../bob/.claude/' }, '/home/bob/.claude'],
  ])("finds Claude Code's sign-in with %j in %s", (variables, expected) => {
    expect(readEnvironment({}, variables).environment.claudeConfigDir).toBe(expected)
  })

  it('splits lists at commas and forgives spaces', () => {
    const { environment } = readEnvironment({ TELEGRAM_ALLOWED_USERS: ' 1, 22 ,,333, ' }, {})
    expect(environment.telegram.allowedUsers).toEqual(['1', '22', '333'])
  })

  it.each([
    ['TELEGRAM_ALLOWED_USERS', '1,@alice', /holds "@alice": expected numeric user ids/],
    ['TELEGRAM_ALLOWED_USERS', '-5', /holds "-5"/],
    ['TELEGRAM_GROUP_ALLOWED_CHATS', 'family', /numeric chat ids/],
    ['TELEGRAM_HOME_CHANNEL', '@channel', /a numeric chat id/],
    ['DISCORD_ALLOWED_USERS', 'alice#1234', /numeric user ids/],
    ['DISCORD_HOME_CHANNEL', 'general', /a numeric channel id/],
    ['SLACK_ALLOWED_USERS', 'U012AB3CD,ada', /holds "ada": expected member IDs, such as U012AB3CD/],
    ['EMAIL_ALLOWED_USERS', 'ada', /holds "ada": expected mail addresses/],
    ['GATEWAY_ALLOWED_USERS', '12345,@ada', /holds "@ada": expected user ids/],
    ['MATRIX_ALLOWED_USERS', '@ada:example.org,bob', /holds "bob": expected user ids, such as @ada/],
    ['TELEGRAM_REQUIRE_MENTION', 'maybe', /must be true or false/],
    ['TELEGRAM_BOT_TOKEN', '123:TEST abc', /white space/],
    ['TELEGRAM_BOT_TOKEN', '123:TEST\u200b', /a character that no token has/],
    ['DISCORD_BOT_TOKEN', 'TEST\u200babc', /a character that no token has/],
    ['SLACK_BOT_TOKEN', 'xoxb\u2013TEST', /a character that no token has/],
    ['SLACK_APP_TOKEN', 'xapp-TEST\u2060', /a character that no token has/],
    ['SLACK_BOT_TOKEN', 'xoxb-TEST-1,xoxb-TEST-2', /holds several tokens/],
    ['TELEGRAM_BOT_TOKEN', '"123:TEST"', /quotation marks/],
    ['DISCORD_BOT_TOKEN', 'Bot TEST', /white space/],
    ['MATRIX_ACCESS_TOKEN', '\u00adTEST', /a character that no token has/],
    ['ANTHROPIC_BASE_URL', 'http://api.example.org', /plain http is allowed only to this machine/],
    ['MATRIX_HOMESERVER', 'matrix.example.org', /begins with https/],
    ['HTTPS_PROXY', 'proxy:3128', /address of a proxy/],
  ] as const)('refuses %s=%s with what is expected', (key, value, message) => {
    const { problems, environment } = readEnvironment({ [key]: value }, {})
    expect(problems).toEqual([{ key, message: expect.stringMatching(message) }])
    expect(problems[0]?.message).toMatch(new RegExp(`^${key} `))
    expect(environment.origins.has(key)).toBe(false)
  })

  it.each([
    ['TESTcode1234#TESTstate1234', /code#state/],
    ['sk-ant-ort01-TEST-refresh', /refresh token/],
    [`${TOKEN} `, /white space/],
    [TOKEN + TOKEN, /two tokens/],
    ['sk-ant-oat01-SANDBOX-TEST', /token of the sandbox/],
  ])('names the problem of %s, keeps it wrapped and never prints it', (value, message) => {
    const { problems, environment } = readEnvironment({}, { ANTHROPIC_API_KEY: value })
    expect(problems).toEqual([{ key: 'ANTHROPIC_API_KEY', message: expect.stringMatching(message) }])
    expect(environment.anthropic.apiKey?.reveal()).toBe(value)
    expect(inspect({ problems, environment }, { depth: 9 })).not.toContain(value)
  })

  it('asks about names that look like slips, and leaves those of others alone', () => {
    const { warnings } = readEnvironment(
      { TELEGRAM_BOT_TOKN: 'x', TELEGRAM_HOME_CHANNEL_NAME: 'x', OPENROUTER_API_KEY: 'x', HF_TOKEN: 'x' },
      { ANTHROPIC_API_KEYS: 'x' },
    )
    expect(warnings).toEqual([
      'TELEGRAM_BOT_TOKN in .env means nothing to this gateway. Did you mean TELEGRAM_BOT_TOKEN?',
    ])
  })

  it('takes the proxy in lower case, too, as other programs do', () => {
    const { environment } = readEnvironment(
      {},
      { https_proxy: 'http://127.0.0.1:3128', no_proxy: 'a.example' },
    )
    expect(environment.network.httpsProxy?.reveal()).toBe('http://127.0.0.1:3128')
    expect(environment.network.noProxy).toBe('a.example')
    const file = readEnvironment({ https_proxy: 'http://127.0.0.1:3128' }, {})
    expect(file.environment.network.httpsProxy?.reveal()).toBe('http://127.0.0.1:3128')
    expect(file.warnings).toEqual([])
  })

  it('asks about our own names in lower case, which set nothing', () => {
    const { environment, warnings } = readEnvironment({ telegram_bot_token: '7:TEST' }, {})
    expect(environment.telegram.botToken).toBeNull()
    expect(warnings).toEqual([
      'telegram_bot_token in .env means nothing to this gateway. Did you mean TELEGRAM_BOT_TOKEN?',
    ])
  })

  it('looks up any variable for config.yaml', () => {
    const { lookup } = readEnvironment({ A: 'file', B: 'file' }, { A: 'process', C: '' })
    expect([lookup('A'), lookup('B'), lookup('C'), lookup('D')]).toEqual([
      'process',
      'file',
      undefined,
      undefined,
    ])
  })
})
