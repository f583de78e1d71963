import '../support/processes/no-gateway-left.ts'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startSandbox, type SandboxOptions } from '../../src/sandbox/sandbox.ts'
import { APPLICATION_ID, BOT } from '../support/platforms/discord/discord-chats.ts'
import { DiscordServer } from '../support/platforms/discord/discord-server.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'
import { type Probe, until } from '../support/until.ts'

const OPERATOR = '510000000000000001'
const STRANGER = '510000000000000002'
const CREW_MEMBER = '510000000000000003'
const CREW = '810000000000000001'
const TIMEOUT_MS = 60_000

/** A gateway's process between a simulated Discord and a simulated provider. */
async function fixture(options: { readonly apiKey: boolean; readonly sandbox?: SandboxOptions }) {
  const discord = await DiscordServer.start()
  const sandbox = await startSandbox({ marked: false, ...options.sandbox })
  sandbox.control.answer({ style: 'echo' })
  const { authorizeUrl, tokenUrl, redirectUri } = sandbox
  const gateway = await GatewayProcess.prepare({
    config: {
      model: { base_url: sandbox.url },
      auth: { oauth: { authorize_url: authorizeUrl, token_urls: [tokenUrl], redirect_uri: redirectUri } },
      gateway: { operators: [`discord:${OPERATOR}`] },
      channels: { web: { enabled: false }, discord: { api_root: discord.apiRoot, allowed_roles: [CREW] } },
    },
    env: {
      DISCORD_BOT_TOKEN: DiscordServer.token,
      ...(options.apiKey ? { ANTHROPIC_API_KEY: sandbox.apiKey() } : {}),
    },
  })
  const shown = (chat: string) => discord.chats.sentTo(chat).map(({ content }) => content)
  return {
    discord,
    sandbox,
    gateway,
    shown,
    until: <T>(probe: Probe<T>, what: string) =>
      until(probe, what, TIMEOUT_MS).catch((error: unknown) => {
        throw new Error(`${String(error)}\nThe gateway said:\n${gateway.stderr.slice(-4_000)}`)
      }),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await discord[Symbol.asyncDispose]()
      await sandbox.close()
    },
  }
}

test(
  'people talk to it privately, in servers and in threads, as far as they may, and it stops at once',
  PROCESS_TEST,
  async () => {
    await using story = await fixture({ apiKey: true })
    const { discord, gateway, shown } = story
    const { chats } = discord
    const guild = chats.addGuild()
    chats.guilds.get(guild)!.members.set(CREW_MEMBER, [CREW])
    const room = chats.addChannel(guild)
    await gateway.start()
    await story.until(() => discord.gateway.connected === 1, 'the connection')

    const chat = chats.openPrivate(OPERATOR)
    discord.say(chat, 'good morning')
    await story.until(() => shown(chat).includes('Echo: good morning'), 'the private answer')
    const strange = chats.openPrivate(STRANGER)
    discord.say(strange, 'let me in')
    await story.until(
      () => shown(strange).some((text) => text.includes('hermes pairing approve discord')),
      'the code',
    )

    const asked = (text: string) => `<@${BOT.id}> ${text}`
    discord.say(room, asked('nobody knows me'), { author: { id: STRANGER } })
    discord.say(room, asked('hello from the crew'), { author: { id: CREW_MEMBER } })
    await story.until(() => shown(room).includes('Echo: hello from the crew'), 'the answer in the room')
    expect(shown(room).join()).not.toContain('nobody knows me')
    const thread = discord.openThread(room)
    discord.say(thread, asked('and in a thread'), { author: { id: CREW_MEMBER } })
    await story.until(() => shown(thread).includes('Echo: and in a thread'), 'the answer in the thread')
    expect(discord.rang).toEqual([])

    const status = await gateway.json<{
      channels: Array<{ channel: string; state: string; account: string }>
    }>('/api/status')
    expect(status.channels.find(({ channel }) => channel === 'discord')).toMatchObject({
      state: 'connected',
      account: BOT.username,
    })
    const doctor = await gateway.run(['doctor', '--json'])
    expect(JSON.parse(doctor.stdout).items).toContainEqual(
      expect.objectContaining({
        id: 'discord',
        level: 'ok',
        message: `Discord accepts the token of bot ${BOT.username}`,
      }),
    )
    discord.applicationFlags = 0
    const without = await gateway.run(['doctor', '--json'])
    expect(JSON.parse(without.stdout).items).toContainEqual(
      expect.objectContaining({ id: 'discord.intent', level: 'error' }),
    )

    expect(await gateway.kill('SIGTERM')).toEqual({ code: 0, signal: null })
    expect(gateway.stderr).not.toContain(DiscordServer.token)
  },
)

test(
  'an operator is alerted to an outage on Discord, signs in there by /login, and the held messages are answered',
  PROCESS_TEST,
  async () => {
    await using story = await fixture({ apiKey: false })
    const { discord, sandbox, gateway, shown } = story
    const chat = discord.chats.openPrivate(OPERATOR)
    await gateway.start()
    await story.until(() => discord.gateway.connected === 1, 'the connection')
    discord.say(chat, 'are you there?')
    await story.until(() => shown(chat).some((text) => text.includes('Send /login here')), 'the alert')

    discord.gateway.dispatch('INTERACTION_CREATE', {
      id: discord.chats.nextId(),
      token: 'TEST-interaction',
      type: 2,
      application_id: APPLICATION_ID,
      channel: { id: chat, type: 1 },
      user: { id: OPERATOR, username: 'ada' },
      data: { id: '1', name: 'login', type: 1 },
    })
    await story.until(() => shown(chat).some((text) => text.includes('Reply "I understand"')), 'the terms')
    discord.say(chat, 'I understand')
    const url = await story.until(
      () => /http\S+state=[\w-]{43}/.exec(shown(chat).join('\n'))?.[0],
      'the address',
    )
    const paste = sandbox.authorize(url)
    discord.say(chat, paste)
    await story.until(() => shown(chat).some((text) => text.startsWith('Signed in as')), 'the account')
    await story.until(
      () => shown(chat).some((text) => text.includes('Please delete it yourself')),
      'the request',
    )
    await story.until(() => shown(chat).some((text) => text.includes('Echo: are you there?')), 'the answer')
    await gateway.kill('SIGKILL')
    expect(gateway.stored().map(({ text }) => text)).not.toContain(paste)
    for (const name of ['hermes.db', 'hermes.db-wal'])
      expect(readFileSync(join(gateway.home, name)).includes(paste.split('#')[0]!)).toBe(false)
  },
)
