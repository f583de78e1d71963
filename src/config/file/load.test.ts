import { mkdtempSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConfigurationError } from '../../support/errors.ts'
import { CONFIG } from '../config.ts'
import { readContent } from '../shape/section.ts'
import { loadConfig, parseConfig } from './load.ts'

const { value: defaults, findings } = readContent(CONFIG, {})

/** The problems of a text, one a line, without the file's name. */
async function problemsOf(text: string): Promise<string[]> {
  try {
    await parseConfig(text, 'F')
    return []
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    return error.message.split('\n').map((line) => line.replace(/^F:/, ''))
  }
}

describe('defaults', () => {
  it('are valid values of their own keys', () => {
    expect(findings).toEqual([])
  })

  it('are the same without a file, with an empty one, and with empty sections', async () => {
    const missing = join(mkdtempSync(join(tmpdir(), 'hermes-')), 'config.yaml')
    expect(await loadConfig(missing)).toEqual({ config: defaults, ignoredKeys: [] })
    for (const text of [
      '',
      '\n\n',
      '# only a comment\n',
      '{}',
      'gateway:\n',
      'gateway:\n  texts:\nalerts:\n',
      'channels:\n  telegram:\n    allowed_users:\n',
    ]) {
      expect((await parseConfig(text, 'F')).config).toEqual(defaults)
    }
  })

  it('are what the example in the documentation says', async () => {
    const example = await readFile(new URL('../../../docs/config.example.yaml', import.meta.url), 'utf8')
    expect((await parseConfig(example, 'F')).config).toEqual(defaults)
    // The comment signs of the alternatives are taken away: they must be valid, too.
    const alternatives = example
      .replace(/^( *)#(?=  (- |  \w+: ))/gm, '$1 ')
      .replace(/^( *\w+:) \[\](?=.*\n +- )/gm, '$1')
      .replace(/^( *)(\w+: )null\n\1# (?=\2)/gm, '$1')
    const { config } = await parseConfig(alternatives, 'F', () => 'TEST-secret-of-16')
    expect(config.alerts.map(({ type }) => type)).toEqual(['telegram', 'email', 'webhook', 'ntfy', 'command'])
    expect(config.webhooks.map(({ name }) => name)).toEqual(['deploys'])
    expect(config.gateway.operators).toEqual([{ channel: 'telegram', user: '12345' }])
    expect(config.auth.refreshCommand).toContain('--for')
  })
})

describe('values', () => {
  it('become milliseconds, ids as text, wrapped secrets and plain addresses', async () => {
    const { config } = await parseConfig(
      `model: { base_url: "https://proxy.example.org/v1/", default: claude-opus-5-5 }
gateway:
  hold: { max_age: 36h }
  operators: [telegram:12345, "matrix:@a:example.org"]
  public_urls: [https://chat.example.org/]
  texts: { usage_limit: "Pause bis {time}." }
storage: { url: "postgres://hermes:TEST-password@db/hermes" }
alerts:
  - { type: telegram, chat: -1001234567890 }
  - { type: webhook, url: "https://hooks.example.org/TEST", secret: whsec_TEST }
  - { type: command, run: [/usr/bin/logger] }
channels: { telegram: { api_root: "http://127.0.0.1:9999/", allowed_users: [7, "8"] } }
`,
      'F',
    )
    expect(config.model).toMatchObject({ baseUrl: 'https://proxy.example.org', default: 'claude-opus-5-5' })
    expect(config.gateway.hold.maxAge).toBe(36 * 3_600_000)
    expect(config.gateway.operators).toEqual([
      { channel: 'telegram', user: '12345' },
      { channel: 'matrix', user: '@a:example.org' },
    ])
    expect(config.gateway.publicUrls).toEqual(['https://chat.example.org'])
    expect(config.gateway.texts.usage_limit).toBe('Pause bis {time}.')
    expect(config.gateway.texts.held).toBe(defaults.gateway.texts.held)
    expect(config.alerts[0]).toEqual({ type: 'telegram', chat: '-1001234567890' })
    expect(config.channels.telegram).toMatchObject({
      apiRoot: 'http://127.0.0.1:9999',
      allowedUsers: ['7', '8'],
    })
    expect(config.storage.kind === 'postgres' && config.storage.url.reveal()).toContain('TEST-password')
    expect(JSON.stringify(config)).not.toMatch(/TEST-password|whsec_TEST|hooks\.example/)
  })

  it('are taken from variables where the file says ${NAME}', async () => {
    const text = 'alerts:\n  - { type: ntfy, url: "https://ntfy.example.org/t", token: "${NTFY_TOKEN}" }\n'
    const { config } = await parseConfig(text, 'F', (name) =>
      name === 'NTFY_TOKEN' ? 'TEST-ntfy' : undefined,
    )
    const [route] = config.alerts
    expect(route?.type === 'ntfy' && route.token?.reveal()).toBe('TEST-ntfy')
    expect(await problemsOf(text)).toEqual([
      '2: alerts[0].token: names a variable that is set neither in the environment nor in .env',
    ])
  })
})

describe('mistakes', () => {
  it.each([
    ['gatway:\n  port: 1\n', ['1: unknown key "gatway"; the nearest valid key is "gateway"']],
    ['gateway:\n\n  prot: 1\n', ['3: unknown key "gateway.prot"; the nearest valid key is "gateway.port"']],
    ['model: {}\nport: 1\n', ['2: unknown key "port"; the nearest valid key is "gateway.port"']],
    [
      'gateway:\n  hold:\n    max_agee: 7d\n',
      ['3: unknown key "gateway.hold.max_agee"; the nearest valid key is "gateway.hold.max_age"'],
    ],
    ['gateway:\n  port: "8642"\n', ['2: gateway.port: expected a whole number from 1 to 65535, got text']],
    ['gateway:\n  port: 70000\n', ['2: gateway.port: expected a whole number from 1 to 65535, got 70000']],
    ['gateway:\n  port: 1.5\n', ['2: gateway.port: expected a whole number from 1 to 65535, got 1.5']],
    ['model: 5\n', ['1: model: expected a section with keys or text, got 5']],
    ['gateway: 5\n', ['1: gateway: expected a section with keys, got 5']],
    [
      'gateway:\n  hold:\n    max_age: 7 days\n',
      ['3: gateway.hold.max_age: expected a duration such as 90s, 15m, 12h, 7d, 4w or 1y'],
    ],
    [
      'gateway:\n  hold: { max_age: 7 }\n',
      ['2: gateway.hold.max_age: expected a duration such as 90s, 15m, 12h, 7d, 4w or 1y, got 7'],
    ],
    ['gateway:\n  hold: { merge: "yes" }\n', ['2: gateway.hold.merge: expected true or false, got text']],
    [
      'gateway:\n  operators: ["12345"]\n',
      ['2: gateway.operators[0]: expected a channel and a user id, such as telegram:12345'],
    ],
    ...(
      [
        ['telegram: 11', 'a numeric id, such as telegram:12345'],
        ['telegram:@ada', 'a numeric id, such as telegram:12345'],
        ['discord:ada#1234', 'a numeric id, such as discord:112233445566778899'],
        ['slack:ada', 'a member ID, such as slack:U012AB3CD'],
        ['matrix:ada', 'a user id, such as matrix:@ada:example.org'],
        ['email:ada', 'a mail address, such as email:ada@example.org'],
        ['signal:12345', 'a channel and a user id, such as telegram:12345'],
        ['web:owner', 'a channel and a user id, such as telegram:12345'],
        ['toString:1', 'a channel and a user id, such as telegram:12345'],
      ] as const
    ).map(([operator, expected]): [string, string[]] => [
      `gateway:\n  operators: [${JSON.stringify(operator)}]\n`,
      [`2: gateway.operators[0]: expected ${expected}`],
    ]),
    [
      'gateway:\n  public_urls: ["https://*.example.org"]\n',
      ['2: gateway.public_urls[0]: expected an address without a path, such as https://chat.example.org'],
    ],
    [
      'gateway:\n  texts:\n    held: "until {time}"\n',
      ['3: gateway.texts.held: {time} cannot be filled in here; it has none'],
    ],
    [
      'gateway:\n  log_level: loud\n',
      ['2: gateway.log_level: expected "trace", "debug", "info", "warn" or "error"'],
    ],
    [
      'auth: { adopt_claude_code: 3 }\n',
      ['1: auth.adopt_claude_code: expected "auto" or true or false, got 3'],
    ],
    [
      'auth:\n  refresh_command: print-token --now\n',
      ['2: auth.refresh_command: expected a list or null, got text'],
    ],
    [
      'model: { provider: openrouter }\n',
      [
        '1: model.provider: expected anthropic (or auto, which means the same): no other provider is supported',
      ],
    ],
    [
      'model: { base_url: "http://api.example.org" }\n',
      ['1: model.base_url: plain http is allowed only to this machine (localhost, 127.0.0.1); use https'],
    ],
    [
      'channels: { discord: { api_root: "http://10.0.0.1" } }\n',
      [
        '1: channels.discord.api_root: plain http is allowed only to this machine (localhost, 127.0.0.1); use https',
      ],
    ],
    [
      'auth: { oauth: { token_urls: ["http://example.org/t"] } }\n',
      [
        '1: auth.oauth.token_urls[0]: plain http is allowed only to this machine (localhost, 127.0.0.1); use https',
      ],
    ],
    [
      'model: { base_url: "https://u:p@example.org" }\n',
      ['1: model.base_url: an address must not hold a user name or password'],
    ],
    [
      'channels:\n  telegram:\n    allowed_users: ["@alice"]\n',
      ['3: channels.telegram.allowed_users[0]: expected a numeric id; names can change hands'],
    ],
    [
      'alerts:\n  - type: email\n',
      ['2: alerts[0].to is missing: expected a mail address, such as you@example.org'],
    ],
    [
      'alerts:\n  - { type: pigeon }\n',
      ['2: alerts[0].type: expected "telegram", "email", "webhook", "ntfy" or "command"'],
    ],
    [
      'alerts:\n  - { type: telegram, chat: 1, chta: 2 }\n',
      ['2: unknown key "alerts[0].chta"; the nearest valid key is "alerts[0].chat"'],
    ],
    [
      'webhooks:\n  - &one { name: a, secret: TEST-secret-of-16, deliver_to: "telegram:1" }\n  - *one\n',
      ['2: webhooks[1].name: two of the webhooks have this name'],
    ],
    ['gatewy:\n', ['1: unknown key "gatewy"; the nearest valid key is "gateway"']],
    [
      'alerts:\n  - { type: email, to: bob }\n  - { type: webhook, url: "https://*.example.org" }\n',
      [
        '2: alerts[0].to: expected a mail address, such as you@example.org',
        '3: alerts[1].url: expected an address that begins with https://',
      ],
    ],
    [
      'model: { base_url: "https://*.example.org" }\n',
      ['1: model.base_url: an address names one host, without "*"'],
    ],
    [
      'overrides: { "telegram: 11": { effort: low } }\n',
      [expect.stringMatching(/^1: .*expected a channel and a chat/)],
    ],
    [
      'overrides: { "whatsapp:11": { effort: low } }\n',
      [expect.stringMatching(/^1: .*expected a channel and a chat/)],
    ],
    ['storage: { url: mysql://x }\n', ['1: storage.url: expected sqlite, or postgres://user@host/database']],
    ['gateway:\n  port: 1\n  port: 2\n', ['3: this key stands here for the second time']],
    ['gateway:\n\tport: 1\n', ['2: not valid YAML: a tab indents this line; use spaces']],
    ['a: [1, 2\nb: 3\n', [expect.stringMatching(/^2: not valid YAML/)]],
    ['a: "open\n', [expect.stringMatching(/^\d: not valid YAML/)]],
    ['- a\n- b\n', ['1: expected keys and values, such as "gateway:"']],
    [
      '{ // note\n gateway: { port: 1 } }',
      ['1: a comment begins with "#" here: this file is YAML, and not JSON with comments'],
    ],
    [
      '{ gateway: { port: 1 }, // note\n /* more */ model: { default: "x" }, }',
      [expect.stringMatching(/^1: a comment begins/)],
    ],
    ['gateway:\n  port: 1\n  // note\n  host: x\n', [expect.stringMatching(/^3: a comment begins/)]],
    ['// note\ngateway:\n  port: 1\n', [expect.stringMatching(/^1: a comment begins/)]],
    ['just words\n', ['1: expected keys and values, such as "gateway:"']],
  ])('%j is refused with the line and what is expected', async (text, expected) => {
    expect(await problemsOf(text)).toEqual(expected)
  })

  it('are all reported at once, in the order of the file', async () => {
    const text = 'model:\n  max_token: 5\ngateway:\n  port: x\n  hold:\n    max_age: soon\nalert: []\n'
    expect((await problemsOf(text)).map((line) => Number.parseInt(line))).toEqual([2, 4, 6, 7])
  })

  it('are reported with the full path of the file', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'hermes-')), 'config.yaml')
    writeFileSync(file, '\ngatewy: {}\n')
    await expect(loadConfig(file)).rejects.toThrow(`${file}:2: unknown key "gatewy"`)
  })

  it('never quote a value: it may be a secret in the wrong place', async () => {
    const secret = 'sk-ant-api03-TEST-canary'
    for (const text of [
      `gateway: { port: ${secret} }`,
      `gateway: { log_level: ${secret} }`,
      `alerts: [{ type: ${secret} }]`,
      `model: { provider: ${secret}, base_url: ${secret} }`,
      `storage: { url: ${secret} }`,
      `a: "${secret}`,
      `- ${secret}: [\n`,
      `a: *${secret}\n`,
      `? ${secret}\n\t- x`,
    ]) {
      expect((await problemsOf(text)).join('\n')).not.toContain('canary')
      expect(await problemsOf(text)).not.toEqual([])
    }
  })
})

describe('a home of Hermes Agent', () => {
  it('loads, with one list of the keys that mean nothing here', async () => {
    const { config, ignoredKeys } = await parseConfig(
      `_config_version: 45
model:
  default: anthropic/claude-opus-4.6
  provider: auto
  base_url: https://openrouter.ai/api/v1
  api_mode: chat_completions
  context_length: 131072
terminal: { backend: docker, timeout: 180 }
agent: { max_turns: 90 }
toolsets: [all]
gateway:
  port: 9000
  strict: true
  startup_watchdog: true
telegram: { reactions: true }
`,
      'F',
    )
    expect(config.model).toMatchObject({
      default: 'claude-opus-4-6',
      provider: 'anthropic',
      baseUrl: 'https://api.anthropic.com',
      contextLength: 131_072,
    })
    expect(config.gateway.port).toBe(9000)
    expect(ignoredKeys.toSorted()).toEqual(
      [
        '_config_version',
        'agent',
        'gateway.startup_watchdog',
        'gateway.strict',
        'model.api_mode',
        'model.base_url',
        'telegram',
        'terminal',
        'toolsets',
      ].toSorted(),
    )
  })

  it('may name the model alone, or by its older key', async () => {
    expect((await parseConfig('model: claude-haiku-5-5', 'F')).config.model.default).toBe('claude-haiku-5-5')
    expect((await parseConfig('model: { model: claude-haiku-5-5 }', 'F')).config.model.default).toBe(
      'claude-haiku-5-5',
    )
  })

  it('still has its typing errors found', async () => {
    expect(await problemsOf('terminal: {}\nterminl: {}\n')).toEqual([
      expect.stringMatching(/^2: unknown key "terminl"/),
    ])
  })

  it('keeps an address that somebody chose on purpose', async () => {
    const { config, ignoredKeys } = await parseConfig(
      'model: { provider: anthropic, base_url: "https://openrouter.ai/api" }',
      'F',
    )
    expect(config.model.baseUrl).toBe('https://openrouter.ai/api')
    expect(ignoredKeys).toEqual([])
  })
})

describe('models', () => {
  it('take their limits and their effort from the list of the provider, unless a number is given', async () => {
    expect(defaults.model).toMatchObject({ maxTokens: 'auto', contextLength: 'auto', effort: 'auto' })
    const { config } = await parseConfig(
      'model: { max_tokens: 4096, context_length: 200000, effort: xhigh }',
      'F',
    )
    expect(config.model).toMatchObject({ maxTokens: 4_096, contextLength: 200_000, effort: 'xhigh' })
    expect(await problemsOf('model: { max_tokens: lots, effort: huge }')).toEqual([
      expect.stringMatching(/model\.max_tokens: expected "auto" or a whole number from 1 to 1000000/),
      expect.stringMatching(/model\.effort: expected "auto", "low", "medium", "high", "xhigh" or "max"/),
    ])
  })

  it('may be others in a chat and on a channel', async () => {
    const { config } = await parseConfig(
      'overrides: { "telegram:-1001234": { model: anthropic/claude-opus-5.5 }, "web:*": { effort: low, system_prompt: Hi. } }',
      'F',
    )
    expect(config.overrides).toEqual({
      'telegram:-1001234': { model: 'claude-opus-5-5', effort: null, systemPrompt: null, budgetDay: null },
      'web:*': { model: null, effort: 'low', systemPrompt: 'Hi.', budgetDay: null },
    })
  })

  it('are not overridden for what is no chat, nor by what is no model', async () => {
    expect(await problemsOf('overrides:\n  everywhere: { effort: low }\n')).toEqual([
      expect.stringMatching(/expected a channel and a chat id/),
    ])
    expect(await problemsOf('overrides:\n  "web:*": { system: hi }\n')).toEqual([
      expect.stringMatching(/unknown key/),
    ])
  })
})
