import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { startSandbox } from '../../src/sandbox/sandbox.ts'
import { filesOf, leaks } from '../support/canary-search.ts'
import { DiscordServer } from '../support/platforms/discord/discord-server.ts'
import { MatrixServer } from '../support/platforms/matrix/matrix-server.ts'
import { SlackServer } from '../support/platforms/slack/slack-server.ts'
import { TelegramServer } from '../support/platforms/telegram/telegram-server.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'
import { until } from '../support/until.ts'

/** The private chat of an operator with the bot, on one platform. */
interface OperatorChat extends AsyncDisposable {
  readonly operator: string
  readonly channels: object
  readonly env: Readonly<Record<string, string>>
  /** Resolves when the gateway listens. */
  readonly listening: () => Promise<unknown>
  /** @returns edits the message */
  readonly say: (text: string) => (text: string) => void
  /** A file with words of its own; left out where the simulator knows none. */
  readonly sayWithPicture?: (caption: string) => void
  /** What the bot has said, oldest first. */
  readonly heard: () => readonly string[]
  /** Messages that the bot has deleted. */
  readonly deleted: () => number
  /** May a bot delete what a person wrote in a private chat there? */
  readonly mayDelete: boolean
}

const TELEGRAM_OPERATOR = 700

async function telegram(): Promise<OperatorChat> {
  const server = await TelegramServer.start()
  return {
    operator: `telegram:${TELEGRAM_OPERATOR}`,
    channels: { telegram: { api_root: server.apiRoot } },
    env: { TELEGRAM_BOT_TOKEN: TelegramServer.token, TELEGRAM_ALLOWED_USERS: '*' },
    listening: async () => {},
    say(text) {
      const id = server.say(TELEGRAM_OPERATOR, text)
      return (changed) => server.change(TELEGRAM_OPERATOR, id, changed)
    },
    sayWithPicture(caption) {
      const photo = [{ file_id: 'f1', file_unique_id: 'u1', width: 10, height: 10, file_size: 100 }]
      server.say(TELEGRAM_OPERATOR, null, { message: { photo, caption } })
    },
    heard: () => server.sentTo(TELEGRAM_OPERATOR).map(({ text }) => text),
    deleted: () => server.callsOf('deleteMessage').length,
    mayDelete: true,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

async function slack(): Promise<OperatorChat> {
  const server = await SlackServer.start()
  const user = 'U0PERSON0'
  server.workspace.open('D0PERSON0', 'im', { user })
  return {
    operator: `slack:${user}`,
    channels: { slack: { api_root: `http://127.0.0.1:${server.port}/api/` } },
    env: {
      SLACK_BOT_TOKEN: SlackServer.botToken,
      SLACK_APP_TOKEN: SlackServer.appToken,
      SLACK_ALLOWED_USERS: '*',
    },
    listening: async () => {},
    say(text) {
      const ts = server.say('D0PERSON0', text, { user })
      return (changed) => server.change('D0PERSON0', ts, changed)
    },
    heard: () => server.workspace.sent('D0PERSON0').map(({ text }) => text),
    deleted: () => 0,
    mayDelete: false,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

async function discord(): Promise<OperatorChat> {
  const server = await DiscordServer.start()
  const person = '510000000000000000'
  const chat = server.chats.openPrivate(person)
  return {
    operator: `discord:${person}`,
    channels: { discord: { api_root: `http://127.0.0.1:${server.port}/api` } },
    env: { DISCORD_BOT_TOKEN: DiscordServer.token, DISCORD_ALLOWED_USERS: '*' },
    listening: () => until(() => server.gateway.connected > 0, 'the bot on Discord', 60_000),
    say(text) {
      const id = server.say(chat, text)
      return (changed) => server.change(chat, id, changed)
    },
    heard: () => server.chats.sentTo(chat).map(({ content }) => content),
    deleted: () => 0,
    mayDelete: false,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

async function matrix(): Promise<OperatorChat> {
  const server = await MatrixServer.start()
  const { rooms } = server
  const person = '@person0:test'
  const room = rooms.openRoom('!room0:test', [person])
  return {
    operator: `matrix:${person}`,
    channels: { matrix: { api_root: `http://127.0.0.1:${server.port}` } },
    env: { MATRIX_ACCESS_TOKEN: MatrixServer.token, MATRIX_ALLOWED_USERS: '*' },
    listening: () =>
      until(() => server.callsOf('sync').some(({ query }) => query.has('since')), 'the first look', 60_000),
    say(text) {
      const id = rooms.say(room, person, text)
      return (changed) => rooms.edit(room, person, id, changed)
    },
    heard: () => rooms.shown(room).map(({ text }) => text),
    deleted: () => 0,
    mayDelete: false,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

test.each([
  ['Telegram', telegram],
  ['Slack', slack],
  ['Discord', discord],
  ['Matrix', matrix],
])(
  'on %s nothing that an operator says in a sign-in is stored, no slip ends it, and the terms come first',
  PROCESS_TEST,
  async (_platform, open) => {
    const sandbox = await startSandbox({ marked: false })
    await using closing = new AsyncDisposableStack()
    closing.defer(() => sandbox.close())
    await using chat = await open()
    const { authorizeUrl, tokenUrl, redirectUri } = sandbox
    await using gateway = await GatewayProcess.start({
      config: {
        model: { base_url: sandbox.url },
        auth: { oauth: { authorize_url: authorizeUrl, token_urls: [tokenUrl], redirect_uri: redirectUri } },
        gateway: { operators: [chat.operator], log_level: 'trace', rate_per_person: 10_000 },
        channels: chat.channels,
      },
      env: chat.env,
    })
    await chat.listening()
    /** @returns what the bot says to it, and the way to edit it */
    const ask = async (say: () => unknown, expected: RegExp) => {
      const before = chat.heard().length
      const edit = say()
      await until(
        () =>
          chat
            .heard()
            .slice(before)
            .some((text) => expected.test(text)),
        `${String(expected)} among ${JSON.stringify(chat.heard().slice(before))}`,
        60_000,
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}\nheard: ${chat.heard().join(' | ')}`)
      })
      return edit as (text: string) => void
    }
    const say = (text: string, expected: RegExp) => ask(() => chat.say(text), expected)
    const addresses = () => chat.heard().flatMap((text) => text.match(/http\S+state=[\w-]{43}/g) ?? [])

    const login = chat.operator.startsWith('slack') ? '!login' : '/login'
    await say(`${login} TESThalfearly0123456`, /Reply "I understand"/)
    await say('TESThalfbefore0123456789', /did not keep it.*Reply "I understand"/s)
    expect(addresses()).toEqual([])
    await say('i understand.', /Now send me the code/)
    const [url] = addresses()
    const paste = sandbox.authorize(url!)
    const [code, state] = paste.split('#') as [string, string]

    const open_ = /still open/
    await say(code, /Only half of the code.*still open/s)
    await say(`  code: ${code} `, open_)
    await say(state, /Only the end of the code.*still open/s)
    await say(`one line\n${code}\nanother line`, open_)
    await say('What is TESTquestionwhile?', /There is no code in.*still open/s)
    const wrong = `${code.slice(0, -1)}${code.endsWith('X') ? 'Y' : 'X'}`
    await say(`${wrong}#${state}`, /The code was refused.*still open/s)
    await say(`${code}#${'w1'.repeat(22)}`, /another sign-in.*still open/s)
    await say(`/new ${code}`, open_)
    await say(`${login} ${code}`, open_)
    if (chat.sayWithPicture) await ask(() => chat.sayWithPicture!(code), open_)
    const edit = await say('TESTwords that are edited', open_)
    await ask(() => edit(`${code} and TESTedited`), open_)
    expect(sandbox.counts.tokenRequests).toBe(1)
    await ask(() => edit(`Here it is:\n  **${code} # ${state}**`), /Signed in as operator@sandbox\.example/)
    expect(addresses()).toHaveLength(1)
    expect(chat.deleted() > 5).toBe(chat.mayDelete)

    // Afterwards everything is as always.
    await say('an ordinary question', /an ordinary question/)
    const secrets = [
      code,
      state,
      'TESThalfearly0123456',
      'TESThalfbefore0123456789',
      'TESTquestionwhile',
      'TESTedited',
      'TESTwords',
    ]
    // With the journal of the database as it is: nothing has been tidied up.
    await gateway.kill('SIGKILL')
    const places = [
      ...filesOf(gateway.home),
      { name: 'the log', bytes: gateway.stdout + gateway.stderr },
      {
        name: 'the chat',
        bytes: chat
          .heard()
          .join('\n')
          .replaceAll(/http\S+/g, ''),
      },
      { name: 'the model', bytes: JSON.stringify(sandbox.requests.map(({ messages }) => messages)) },
    ]
    expect(leaks(places, secrets)).toEqual([])
    expect(
      gateway
        .stored()
        .filter(({ role }) => role === 'user')
        .map(({ text }) => text),
    ).toEqual(['/login', 'an ordinary question'])
  },
)
