import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConfigurationError } from '../support/errors.ts'
import { groupContexts } from './channels.ts'
import { loadSettings, sandboxSettings } from './settings.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'hermes-'))
})
afterEach(() => rmSync(home, { recursive: true }))

const write = (name: string, text: string) => writeFileSync(join(home, name), text, { mode: 0o600 })
const load = (processEnv: Record<string, string> = {}, more: { port?: number; lenient?: boolean } = {}) =>
  loadSettings({ home, processEnv, ...more })

describe('loadSettings', () => {
  it('starts from nothing', async () => {
    const settings = await load()
    expect(settings.warnings).toEqual([])
    expect(settings.problems).toEqual([])
    expect(settings.sandbox).toBe(false)
    expect(settings.paths.database).toBe(join(home, 'hermes.db'))
    expect(settings.channels.web.enabled).toBe(true)
    expect(settings.channels.telegram.enabled).toBe(false)
  })

  it('merges file and environment: the environment wins', async () => {
    write(
      'config.yaml',
      `model: { base_url: "https://file.example" }
channels: { telegram: { allowed_users: [1], home_channel: -5, require_mention: true } }
gateway: { port: 1111 }
`,
    )
    write('.env', 'TELEGRAM_BOT_TOKEN=123:TEST\nTELEGRAM_ALLOWED_USERS=2,3\nGATEWAY_ALLOWED_USERS=3,4\n')
    const settings = await load(
      { ANTHROPIC_BASE_URL: 'http://127.0.0.1:4010/v1/', TELEGRAM_REQUIRE_MENTION: 'false' },
      { port: 2222 },
    )
    expect(settings.config.model.baseUrl).toBe('http://127.0.0.1:4010')
    expect(settings.config.gateway.port).toBe(2222)
    expect(settings.channels.telegram).toMatchObject({
      enabled: true,
      allowedUsers: ['2', '3', '4'],
      allowAllUsers: false,
      homeChannel: '-5',
      requireMention: false,
    })
    expect(inspect(settings, { depth: 9 })).not.toContain('123:TEST')
  })

  it('knows how many lines of a group each chat platform brings along', async () => {
    write('config.yaml', 'channels: { telegram: { group_context: 0 }, slack: { group_context: 100 } }\n')
    const { channels } = await load()
    expect([...groupContexts(channels)]).toEqual([
      ['telegram', 0],
      ['discord', 20],
      ['slack', 100],
      ['matrix', 20],
    ])
    write('config.yaml', 'channels: { matrix: { group_context: 101 } }\n')
    await expect(load()).rejects.toThrow('group_context')
  })

  it('keeps a channel closed that the file closes, and says what is missing of a half one', async () => {
    write('config.yaml', 'channels: { telegram: { enabled: false } }\n')
    const settings = await load({
      TELEGRAM_BOT_TOKEN: '123:TEST',
      SLACK_BOT_TOKEN: 'xoxb-TEST',
      DISCORD_ALLOWED_USERS: '*',
      DISCORD_BOT_TOKEN: 'TEST',
    })
    expect(settings.channels.telegram.enabled).toBe(false)
    expect(settings.channels.slack.enabled).toBe(false)
    expect(settings.channels.discord).toMatchObject({ enabled: true, allowAllUsers: true, allowedUsers: [] })
    expect(settings.warnings).toEqual(['Slack stays closed: SLACK_APP_TOKEN missing.'])
  })

  it('names the keys of Hermes Agent in one line', async () => {
    write('config.yaml', 'terminal: {}\nagent: {}\n')
    const { warnings, ignoredKeys } = await load()
    expect(ignoredKeys).toEqual(['terminal', 'agent'])
    expect(warnings).toEqual([
      'Keys of Hermes Agent in config.yaml that mean nothing here are ignored: terminal, agent.',
    ])
  })

  it.each([
    ['You are Hermes Agent, an intelligent AI assistant created by Nous Research.', 'Hermes Agent'],
    ['# Who you are\n\nYour name is **OpenClaw**. Be brief.', 'OpenClaw'],
    ["\ufeffYou're a Clawdbot.", 'Clawdbot'],
  ])('says when SOUL.md makes the assistant another program: %j', async (text, name) => {
    write('SOUL.md', text)
    expect((await load()).warnings).toEqual([
      `SOUL.md tells the assistant that it is ${name}. Write who it is here.`,
    ])
  })

  it.each(['You are Ada. People ask you about OpenClaw.', 'Hermes Agent came before you.', ''])(
    'and lets it speak of one: %j',
    async (text) => {
      write('SOUL.md', text)
      expect((await load()).warnings).toEqual([])
    },
  )

  it('reports what is wrong in the environment and in the file at once', async () => {
    write('config.yaml', 'gatway: {}\n')
    write('.env', 'TELEGRAM_ALLOWED_USERS=@alice\n')
    const loading = load({ ANTHROPIC_API_KEY: 'TESTcode123#TESTstate123' })
    await expect(loading).rejects.toBeInstanceOf(ConfigurationError)
    await expect(loading).rejects.toThrow(
      /ANTHROPIC_API_KEY looks like.*\nTELEGRAM_ALLOWED_USERS holds.*\n.*config\.yaml:1: unknown key "gatway"/,
    )
  })

  it('hands the problems of variables to a command that asks for them', async () => {
    const settings = await load({ ANTHROPIC_API_KEY: 'sk-ant-ort01-TEST' }, { lenient: true })
    expect(settings.problems).toEqual([expect.stringMatching(/^ANTHROPIC_API_KEY is a refresh token/)])
    expect(settings.environment.anthropic.apiKey).not.toBeNull()
  })

  it('fills config.yaml in from .env', async () => {
    write('config.yaml', 'storage: { url: "postgres://hermes:${DB_PASSWORD}@db/hermes" }\n')
    write('.env', 'DB_PASSWORD=TEST-db\n')
    const { storage } = (await load()).config
    expect(storage.kind === 'postgres' && storage.url.reveal()).toBe('postgres://hermes:TEST-db@db/hermes')
  })
})

describe('sandboxSettings', () => {
  const real = {
    ANTHROPIC_API_KEY: 'sk-ant-api03-TEST-real',
    ANTHROPIC_BASE_URL: 'https://api.anthropic.com',
    TELEGRAM_BOT_TOKEN: '123:TEST-real',
    CLAUDE_CONFIG_DIR: '/somewhere',
    GATEWAY_ALLOW_ALL_USERS: 'true',
    HTTPS_PROXY: 'http://proxy.example:1',
  }

  it('has a home of its own and takes nothing of the real one', async () => {
    write('.env', 'DISCORD_BOT_TOKEN=TEST-real\n')
    write('config.yaml', 'gatway: broken\n')
    const settings = await sandboxSettings({
      home,
      processEnv: real,
      baseUrl: 'http://127.0.0.1:4444',
      port: 9999,
    })
    expect(settings.sandbox).toBe(true)
    expect(settings.paths.home).toBe(join(home, 'sandbox'))
    expect(settings.environment.origins.size).toBe(0)
    const open = Object.entries(settings.channels).filter(([, channel]) => channel.enabled)
    expect(open.map(([name]) => name)).toEqual(['web'])
    expect(settings.config.gateway).toMatchObject({ host: '127.0.0.1', port: 9999 })
    expect(settings.config.auth.adoptClaudeCode).toBe(false)
    expect(existsSync(join(home, 'hermes.db'))).toBe(false)
  })

  it('sends nothing beyond this machine, whatever its own config.yaml says', async () => {
    mkdirSync(join(home, 'sandbox'), { mode: 0o700 })
    write('sandbox/.env', 'ANTHROPIC_API_KEY=sk-ant-api03-TEST-real\n')
    write(
      'sandbox/config.yaml',
      `model: { base_url: "https://real.example" }
auth: { refresh_command: [/bin/real], fallback_api_key: true, adopt_claude_code: true, oauth: { token_urls: ["https://real.example/t"], headers: { x: y } } }
gateway: { host: 0.0.0.0, texts: { held: Wait. } }
alerts: [{ type: webhook, url: "https://real.example" }]
storage: { url: "postgres://real.example/x" }
channels: { telegram: { api_root: "https://real.example" } }
`,
    )
    const settings = await sandboxSettings({ home, processEnv: real, baseUrl: 'http://127.0.0.1:4444/' })
    const { config, channels, environment } = settings
    expect(JSON.stringify({ ...config, channels: null, environment })).not.toMatch(/real/)
    expect(config.model.baseUrl).toBe('http://127.0.0.1:4444')
    expect(config.auth.oauth.tokenUrls).toEqual(['http://127.0.0.1:4444/v1/oauth/token'])
    expect(config.gateway.texts.held).toBe('Wait.')
    expect(channels.telegram.enabled).toBe(false)
  })
})
