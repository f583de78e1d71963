import '../support/processes/no-gateway-left.ts'
import { expect, test } from 'vitest'
import { startSandbox } from '../../src/sandbox/sandbox.ts'
import { SlackServer } from '../support/platforms/slack/slack-server.ts'
import { ADA, BOB, BOT } from '../support/platforms/slack/slack-workspace.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'
import { until } from '../support/until.ts'

const ADAS_CHAT = 'D0ADA'
const BOBS_CHAT = 'D0BOB'
const GENERAL = 'C0GENERAL'
const TIMEOUT_MS = 60_000

test(
  'on Slack an operator signs in by /hermes login, the held messages are answered, and a channel is answered in threads',
  PROCESS_TEST,
  async () => {
    await using server = await SlackServer.start()
    const { workspace } = server
    workspace.open(ADAS_CHAT, 'im', { user: ADA })
    workspace.open(BOBS_CHAT, 'im', { user: BOB })
    workspace.open(GENERAL, 'public_channel')
    const sandbox = await startSandbox({ marked: false })
    sandbox.control.answer({ style: 'echo' })
    const { authorizeUrl, tokenUrl, redirectUri } = sandbox
    await using gateway = await GatewayProcess.prepare({
      config: {
        model: { base_url: sandbox.url },
        auth: { oauth: { authorize_url: authorizeUrl, token_urls: [tokenUrl], redirect_uri: redirectUri } },
        gateway: { operators: [`slack:${ADA}`], log_level: 'trace' },
        channels: { slack: { api_root: server.apiRoot, allowed_channels: [GENERAL] } },
      },
      env: {
        SLACK_BOT_TOKEN: SlackServer.botToken,
        SLACK_APP_TOKEN: SlackServer.appToken,
        SLACK_ALLOWED_USERS: BOB,
      },
    })
    const shown = (channel: string) =>
      workspace
        .sent(channel)
        .map(({ text }) => text)
        .join('\n')
    const seen = (channel: string, text: string) =>
      until(() => shown(channel).includes(text), `"${text}" in ${channel}`, TIMEOUT_MS).catch(
        (error: unknown) => {
          throw new Error(
            `${String(error)}\nIt shows:\n${shown(channel)}\nThe gateway said:\n${gateway.stderr.slice(-3_000)}`,
          )
        },
      )
    await gateway.start()
    await until(() => server.sockets.connections === 1, 'the connection', TIMEOUT_MS)
    server.say(BOBS_CHAT, 'good morning', { user: BOB })
    await seen(BOBS_CHAT, "I can't reach Claude right now.")
    await seen(ADAS_CHAT, 'Send !login here')

    server.command(GENERAL, 'login')
    await seen(GENERAL, 'only in a private chat')
    server.command(ADAS_CHAT, 'login')
    await seen(ADAS_CHAT, 'Reply "I understand"')
    server.say(ADAS_CHAT, 'I understand')
    await seen(ADAS_CHAT, 'within 10 minutes')
    const url = /http[^\s<>]+state=[\w-]{43}[^\s<>]*/.exec(shown(ADAS_CHAT))![0]
    const paste = sandbox.authorize(url)
    server.say(ADAS_CHAT, paste)
    await seen(ADAS_CHAT, 'Signed in as operator@sandbox.example')
    await seen(ADAS_CHAT, "I can't delete your message with the code here")
    await seen(BOBS_CHAT, 'Echo: good morning')

    // Our own sentences name commands as they work in that place; what the model writes stays as it is.
    server.say(BOBS_CHAT, '!help', { user: BOB })
    await seen(BOBS_CHAT, '!new – start a new conversation\n!stop – stop')
    server.command(GENERAL, 'help')
    await seen(GENERAL, '/hermes new – start a new conversation\n/hermes stop – stop')
    server.say(BOBS_CHAT, 'why /help?', { user: BOB })
    await seen(BOBS_CHAT, 'Echo: why /help?')

    const asked = server.say(GENERAL, `<@${BOT.user}> what is *this* & <that>?`, { user: 'U0STRANGER' })
    await seen(GENERAL, 'Echo: what is')
    server.say(GENERAL, 'and more?', { user: 'U0STRANGER', thread: asked })
    await seen(GENERAL, 'Echo: and more?')
    const threads = workspace.sent(GENERAL).filter(({ text }) => text.startsWith('Echo: '))
    expect(threads.map(({ thread }) => thread)).toEqual([asked, asked])

    const status = await gateway.run(['status'])
    expect(status.stdout).toMatch(/slack\s+connected\s+@hermes/)
    const doctor = await gateway.run(['doctor', '--json'])
    const { items } = JSON.parse(doctor.stdout) as { items: Array<{ id: string; message: string }> }
    expect(items.find(({ id }) => id === 'slack')?.message).toBe(
      'Slack accepts the tokens of @hermes in Test; all scopes are granted',
    )
    expect((await gateway.kill('SIGTERM'))?.code).toBe(0)
    const said = gateway.stdout + gateway.stderr
    for (const secret of [SlackServer.botToken, SlackServer.appToken, paste, 'what is *this*'])
      expect(said).not.toContain(secret)
    await sandbox.close()
  },
)
