import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { DiscordServer } from '../support/platforms/discord/discord-server.ts'
import { SlackServer } from '../support/platforms/slack/slack-server.ts'
import { TelegramServer } from '../support/platforms/telegram/telegram-server.ts'
import { BIN, GatewayProcess } from '../support/processes/gateway-process.ts'
import { hermes, temporaryHome } from '../support/processes/hermes-command.ts'
import { Terminal, whyWithoutTmux, withoutTmux } from '../support/processes/tmux.ts'
import { useSandbox } from '../support/provider/sandbox-client.ts'
import { until } from '../support/until.ts'

const STORY = { timeout: 180_000 }
const ADA = 777

describe.skipIf(withoutTmux)(`hermes init on a terminal${whyWithoutTmux}`, () => {
  it('leads from an empty home to an answered message', STORY, async () => {
    const sandbox = await useSandbox()
    await using telegram = await TelegramServer.start()
    using place = temporaryHome()
    const home = join(place.home, 'hermes')
    const key = sandbox.apiKey()
    const flags = ['--home', home, '--sandbox-url', sandbox.url, '--telegram-api-root', telegram.apiRoot]
    using terminal = new Terminal([process.execPath, BIN, 'init', '--no-service', ...flags], {
      HOME: place.home,
    })

    await terminal.see('How should the gateway sign in?')
    terminal.press('Enter')
    await terminal.see('Paste your API key')
    terminal.type(key)
    terminal.press('Enter')
    await terminal.see('Key accepted')
    await terminal.see('Connect a Telegram bot?')
    terminal.press('Enter')
    await terminal.see('Bot token')
    terminal.type(TelegramServer.token)
    terminal.press('Enter')
    await terminal.see(`Token accepted: @${telegram.bot.username}.`)
    await terminal.see('Who is the operator?')
    // Somebody who is not the operator writes first, and in a group the code counts for nothing.
    telegram.say(555, 'Is anybody there?')
    terminal.press('Enter')
    const code = /send this code: +([A-HJ-NP-Z2-9]{8})\b/.exec(
      await terminal.see(/send this code: +\S{8}/),
    )![1]!
    telegram.say(-100, code)
    telegram.say(ADA, code.toLowerCase())
    await terminal.see(`Received the code from Ada (${ADA}).`)
    await terminal.see('Connect a Discord bot?')
    terminal.press('Enter')
    await terminal.see('Connect a Slack app?')
    terminal.press('Enter')
    await terminal.see('Where should outage alerts go?')
    terminal.press('Enter')
    await terminal.see('Save these changes?')
    expect(existsSync(home)).toBe(false)
    terminal.press('Enter')
    const screen = await terminal.see('[exit 0]')
    expect(screen).toMatch(new RegExp(`telegram:${ADA} +arrived`))

    const config = parse(readFileSync(join(home, 'config.yaml'), 'utf8')) as object
    expect(config).toMatchObject({
      model: { base_url: sandbox.url },
      gateway: { operators: [`telegram:${ADA}`] },
      channels: { telegram: { api_root: telegram.apiRoot, allowed_users: [String(ADA)] } },
      alerts: [{ type: 'telegram', chat: String(ADA) }],
    })
    for (const file of ['.env', 'credentials.json']) {
      expect((statSync(join(home, file)).mode & 0o777).toString(8)).toBe('600')
    }
    expect(screen).not.toContain(key)
    expect(screen).not.toContain(TelegramServer.token.split(':')[1])
    // The stranger's message was not confirmed away: it is for the gateway.
    expect(telegram.unconfirmed).toBeGreaterThan(0)

    // What was written is enough to answer.
    await using gateway = await GatewayProcess.prepare({
      home,
      config: config as Record<string, unknown>,
      env: { TELEGRAM_BOT_TOKEN: TelegramServer.token },
    })
    await gateway.start()
    telegram.say(ADA, 'Good morning')
    await until(
      () => telegram.sentTo(ADA).some(({ text }) => /Good morning/.test(text)),
      'the answer',
      30_000,
    )
  })

  it('run again, it shows what is there, keeps comments, and changes nothing unasked', STORY, async () => {
    await using telegram = await TelegramServer.start()
    const yaml = `# mine\nmodel:\n  default: claude-test # why not\nchannels:\n  telegram:\n    api_root: ${telegram.apiRoot}\ngateway:\n  operators: ["telegram:5"]\n`
    using place = temporaryHome({
      'config.yaml': yaml,
      '.env': `TELEGRAM_BOT_TOKEN=${TelegramServer.token}\n`,
    })
    using terminal = new Terminal([process.execPath, BIN, 'init', '--home', place.home, '--no-service'], {
      HOME: place.home,
    })
    await terminal.see('How should the gateway sign in?')
    terminal.press('Down', 'Down', 'Enter')
    await terminal.see('Use a different Telegram bot?')
    terminal.press('Enter')
    await terminal.see('Add another operator?')
    terminal.press('Enter')
    await terminal.see('Connect a Discord bot?')
    terminal.press('Enter')
    await terminal.see('Connect a Slack app?')
    terminal.press('Enter')
    await terminal.see('Where should outage alerts go?')
    terminal.press('Enter')
    await terminal.see('Save these changes?')
    expect(terminal.screen).toContain('+   - type: telegram')
    expect(terminal.screen).not.toContain('claude-test')
    terminal.press('Enter')
    await terminal.see('[exit 0]')
    expect(readFileSync(join(place.home, 'config.yaml'), 'utf8')).toBe(
      `${yaml}alerts:\n  - type: telegram\n    chat: "5"\n`,
    )
  })

  it('ends with our own sign-in of an account, where that was chosen', STORY, async () => {
    const sandbox = await useSandbox()
    using place = temporaryHome()
    const home = join(place.home, 'hermes')
    const flags = ['--home', home, '--sandbox-url', sandbox.url, '--no-service']
    using terminal = new Terminal([process.execPath, BIN, 'init', ...flags], { HOME: place.home })
    await terminal.see('How should the gateway sign in?')
    terminal.press('Down', 'Enter')
    await terminal.see('Connect a Telegram bot?')
    terminal.press('n')
    await terminal.see('Connect a Discord bot?')
    terminal.press('Enter')
    await terminal.see('Connect a Slack app?')
    terminal.press('Enter')
    await terminal.see('Where should outage alerts go?')
    terminal.press('Up', 'Enter')
    await terminal.see('Save these changes?')
    terminal.press('Enter')
    // The terms are shown, and accepted, before an address is.
    await terminal.see('Continue with a subscription sign-in?')
    expect(terminal.screen).not.toContain('code_challenge=')
    terminal.press('y')
    const url = /^(http\S+code_challenge=\S+)$/m.exec(await terminal.see(/paste the code/))![1]!
    const paste = sandbox.authorize(url)
    terminal.type(paste)
    terminal.press('Enter')
    const screen = await terminal.see('[exit 0]')
    expect(screen).toContain('Signed in as')
    const { code, stdout } = hermes(['auth', 'status', '--json', '--home', home])
    expect(JSON.parse(stdout)).toMatchObject({
      state: 'healthy',
      source: 'own',
      kind: 'oauth',
      renewable: true,
    })
    expect(code).toBe(0)
  })

  it('connects an app of Slack, which it asks about before it writes', STORY, async () => {
    await using slack = await SlackServer.start()
    using place = temporaryHome({
      'config.yaml': `channels:\n  slack:\n    api_root: ${slack.apiRoot}\n`,
    })
    using terminal = new Terminal([process.execPath, BIN, 'init', '--home', place.home, '--no-service'], {
      HOME: place.home,
    })
    await terminal.see('How should the gateway sign in?')
    terminal.press('Up', 'Enter')
    await terminal.see('Connect a Telegram bot?')
    terminal.press('n')
    await terminal.see('Connect a Discord bot?')
    terminal.press('Enter')
    await terminal.see('Connect a Slack app?')
    terminal.press('y')
    await terminal.see('Bot token (OAuth & Permissions)')
    terminal.type(SlackServer.botToken)
    terminal.press('Enter')
    await terminal.see('App token (Basic Information)')
    terminal.type(SlackServer.appToken)
    terminal.press('Enter')
    await terminal.see('Tokens accepted: @hermes in Test.')
    await terminal.see('Who is the operator on Slack?')
    terminal.press('Enter')
    await terminal.see("Operator's Slack member ID")
    terminal.type('U012AB3CD')
    terminal.press('Enter')
    await terminal.see('Where should outage alerts go?')
    terminal.press('Up', 'Enter')
    await terminal.see('Save these changes?')
    terminal.press('Enter')
    await terminal.see('[exit 0]')
    const written = readFileSync(join(place.home, '.env'), 'utf8')
    expect(written).toContain(`SLACK_BOT_TOKEN=${SlackServer.botToken}`)
    expect(written).toContain(`SLACK_APP_TOKEN=${SlackServer.appToken}`)
    expect(parse(readFileSync(join(place.home, 'config.yaml'), 'utf8'))).toMatchObject({
      gateway: { operators: ['slack:U012AB3CD'] },
    })
    expect(terminal.screen).not.toContain('TEST-bot-token')
  })

  it('connects a bot of Discord, which it asks about before it writes', STORY, async () => {
    await using discord = await DiscordServer.start()
    discord.applicationFlags = 0
    using place = temporaryHome({
      'config.yaml': `channels:\n  discord:\n    api_root: ${discord.apiRoot}\n`,
    })
    using terminal = new Terminal([process.execPath, BIN, 'init', '--home', place.home, '--no-service'], {
      HOME: place.home,
    })
    await terminal.see('How should the gateway sign in?')
    terminal.press('Up', 'Enter')
    await terminal.see('Connect a Telegram bot?')
    terminal.press('n')
    await terminal.see('Connect a Discord bot?')
    terminal.press('y')
    await terminal.see('Discord bot token')
    terminal.type('TEST-another.bot.token')
    terminal.press('Enter')
    await terminal.see('Discord rejects this token')
    terminal.type(DiscordServer.token)
    terminal.press('Enter')
    await terminal.see('Token accepted: hermes_test.')
    await terminal.see('enable the Message Content Intent')
    await terminal.see('Who is the operator on Discord?')
    terminal.press('Enter')
    await terminal.see("Operator's Discord user ID")
    terminal.type('112233445566778899')
    terminal.press('Enter')
    await terminal.see('Connect a Slack app?')
    terminal.press('Enter')
    await terminal.see('Where should outage alerts go?')
    terminal.press('Up', 'Enter')
    await terminal.see('Save these changes?')
    terminal.press('Enter')
    await terminal.see('[exit 0]')
    expect(readFileSync(join(place.home, '.env'), 'utf8')).toContain(
      `DISCORD_BOT_TOKEN=${DiscordServer.token}`,
    )
    expect(parse(readFileSync(join(place.home, 'config.yaml'), 'utf8'))).toMatchObject({
      gateway: { operators: ['discord:112233445566778899'] },
    })
    expect(terminal.screen).not.toContain(DiscordServer.token)
  })

  it('Ctrl-C changes nothing', STORY, async () => {
    using place = temporaryHome()
    const home = join(place.home, 'hermes')
    using terminal = new Terminal([process.execPath, BIN, 'init', '--home', home], { HOME: place.home })
    await terminal.see('How should the gateway sign in?')
    terminal.press('C-c')
    await terminal.see('Nothing was changed.')
    await terminal.see('[exit 1]')
    expect(existsSync(home)).toBe(false)
  })

  it('Ctrl-C while it waits for the code changes nothing either', STORY, async () => {
    await using telegram = await TelegramServer.start()
    using place = temporaryHome()
    const home = join(place.home, 'hermes')
    const flags = ['--home', home, '--telegram-api-root', telegram.apiRoot]
    using terminal = new Terminal([process.execPath, BIN, 'init', ...flags], { HOME: place.home })
    await terminal.see('How should the gateway sign in?')
    // The last choice: later.
    terminal.press('Up', 'Enter')
    await terminal.see('Connect a Telegram bot?')
    terminal.press('Enter')
    await terminal.see('Bot token')
    terminal.type(TelegramServer.token)
    terminal.press('Enter')
    await terminal.see('Who is the operator?')
    terminal.press('Enter')
    await terminal.see('Waiting for the code')
    terminal.press('C-c')
    await terminal.see('Nothing was changed.')
    await terminal.see('[exit 1]')
    expect(existsSync(home)).toBe(false)
  })
})

describe('hermes init --yes', () => {
  it('takes secrets from the input, tries them, and shows the difference without them', STORY, async () => {
    const sandbox = await useSandbox()
    await using telegram = await TelegramServer.start()
    telegram.chats.openChat(ADA)
    await using gateway = await GatewayProcess.prepare()
    const key = sandbox.apiKey()
    const flags = ['--sandbox-url', sandbox.url, '--telegram-api-root', `${telegram.apiRoot}/`]
    const secrets = ['--api-key-stdin', '--telegram-token-stdin']
    const people = ['--operator', `telegram:${ADA}`, '--allowed-user', '888', '--alert', `telegram:${ADA}`]
    const init = ['init', '--yes', ...secrets, ...flags, ...people]
    const { code, stdout, stderr } = await gateway.run(init, `${key}\n${TelegramServer.token}\n`)
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toContain('+ TELEGRAM_BOT_TOKEN=[secret ')
    expect(stdout).toContain(`The bot token belongs to @${telegram.bot.username}.`)
    expect(stdout).not.toContain(key)
    expect(stdout).not.toContain(TelegramServer.token.split(':')[1])
    expect(telegram.sentTo(ADA)).toHaveLength(1)
    const config: unknown = parse(readFileSync(join(gateway.home, 'config.yaml'), 'utf8'))
    expect(config).toMatchObject({ channels: { telegram: { allowed_users: ['888', String(ADA)] } } })

    // The second time nothing changes.
    const again = await gateway.run(['init', '--yes', ...flags, ...people.slice(0, 4)])
    expect(again.stdout).toBe('Nothing to change.\n')
    expect(again.code).toBe(0)
  })

  it('writes nothing where the provider or Telegram refuses what was given', STORY, async () => {
    const sandbox = await useSandbox()
    await using telegram = await TelegramServer.start()
    using place = temporaryHome()
    await using gateway = await GatewayProcess.prepare({ home: place.home })
    const flags = ['--sandbox-url', sandbox.url, '--telegram-api-root', telegram.apiRoot]
    const before = readFileSync(join(place.home, 'config.yaml'), 'utf8')
    for (const [flag, input, words] of [
      ['--api-key-stdin', 'sk-ant-api03-TEST-unknown', 'The provider does not accept this key.'],
      ['--api-key-stdin', 'sk-ant-oat01-TEST-token', 'That is an OAuth token'],
      ['--telegram-token-stdin', '1:TEST_unknown_bot_token_0123456789', '401 Unauthorized'],
    ] as const) {
      const { code, stderr } = await gateway.run(['init', '--yes', flag, ...flags], `${input}\n`)
      expect(stderr).toContain(words)
      expect(stderr).toContain('Nothing was changed.')
      expect(stderr).not.toContain(input)
      expect(code).toBe(1)
    }
    expect(readFileSync(join(place.home, 'config.yaml'), 'utf8')).toBe(before)
    expect(existsSync(join(place.home, 'credentials.json'))).toBe(false)
  })

  it('does not ask where there is no terminal, and says how to continue', () => {
    using place = temporaryHome()
    const { code, stderr } = hermes(['init', '--home', join(place.home, 'x')])
    expect(code).toBe(2)
    expect(stderr).toContain('pass --yes')
  })

  it.each([
    [['--operator', 'ada'], '--operator ada: expected a value such as telegram:12345'],
    [['--allowed-user', '@ada'], '--allowed-user @ada: expected a numeric ID'],
    [['--alert', 'pigeon:1'], '--alert pigeon:1: expected telegram'],
    [['--alert', 'ntfy:https://ntfy.example.org/t'], 'anybody can read an open topic'],
    [['--api-key-stdin'], 'stdin has no line for the API key'],
  ])('%j is wrong usage and writes nothing', (flags, message) => {
    using place = temporaryHome()
    const home = join(place.home, 'x')
    const { code, stderr } = hermes(['init', '--yes', '--home', home, ...flags])
    expect(stderr).toContain(message)
    expect(code).toBe(2)
    expect(existsSync(home)).toBe(false)
  })

  it('refuses what would refuse the next start', () => {
    using place = temporaryHome()
    const home = join(place.home, 'x')
    const { code, stderr } = hermes(['init', '--yes', '--home', home, '--alert', 'telegram:5'])
    expect(stderr).toContain("needs the token of that platform's bot")
    expect(code).toBe(78)
    expect(existsSync(home)).toBe(false)
  })
})
